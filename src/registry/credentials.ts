import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { Environment } from './http.ts';
import { own } from './json.ts';

/** A login. It shows as `[login]` wherever it is printed. */
export class Login {
  readonly #user: string;
  readonly #secret: string;

  constructor(user: string, secret: string) {
    this.#user = user;
    this.#secret = secret;
  }

  /** The value of an Authorization header. */
  get basic(): string {
    return `Basic ${Buffer.from(`${this.#user}:${this.#secret}`).toString('base64')}`;
  }

  /** A token to exchange for others (OAuth 2), which stands in place of a password; null for a password. */
  get refreshToken(): string | null {
    return this.#user === '<token>' ? this.#secret : null;
  }

  toString(): string {
    return '[login]';
  }

  toJSON(): string {
    return '[login]';
  }

  [inspect.custom](): string {
    return '[login]';
  }
}

/** Runs a credential helper with a line of input; gives what it prints, or null where it fails or takes long. */
export type RunHelper = (program: string, input: string) => Promise<string | null>;

/** `docker login` for Docker Hub writes under this name. */
const hubKey = 'https://index.docker.io/v1/';
const mostConfigBytes = 1024 * 1024;
const helperTimeoutMs = 10_000;

/**
 * The login that Docker has for a registry (`docker.io`, `ghcr.io`): its `credHelpers`, its `credsStore`, then the
 * `auths` of `config.json` in `$DOCKER_CONFIG` or `~/.docker`, as Docker looks. Null where there is none, or where
 * the file cannot be read: reading without a login is the next best thing.
 *
 * https://docs.docker.com/reference/cli/docker/login/#credential-stores
 */
export async function dockerLogin(
  registry: string,
  env: Environment,
  runHelper: RunHelper = helper,
): Promise<Login | null> {
  const home = env['HOME'] || env['USERPROFILE'] || homedir();
  const config = await readConfig(join(env['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json'));
  if (config === null) return null;
  const key = registry === 'docker.io' ? hubKey : registry;
  const named = own(own(config, 'credHelpers'), key) ?? own(own(config, 'credHelpers'), registry);
  for (const name of [named, own(config, 'credsStore')]) {
    if (typeof name !== 'string' || !/^\w[\w.-]*$/.test(name)) continue;
    const login = loginOfHelper(await runHelper(`docker-credential-${name}`, key));
    if (login !== null) return login;
  }
  const auths = own(config, 'auths');
  for (const name of [
    key,
    registry,
    `https://${registry}`,
    `https://${registry}/v1/`,
    `https://${registry}/v2/`,
  ]) {
    const login = loginOfEntry(own(auths, name));
    if (login !== null) return login;
  }
  return null;
}

async function readConfig(path: string): Promise<unknown> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      return size > mostConfigBytes ? null : JSON.parse(await file.readFile('utf8'));
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

function loginOfEntry(entry: unknown): Login | null {
  const identity = own(entry, 'identitytoken');
  if (typeof identity === 'string' && identity !== '') return new Login('<token>', identity);
  const auth = own(entry, 'auth');
  if (typeof auth === 'string' && auth !== '') {
    const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = decoded.indexOf(':');
    return colon > 0 ? new Login(decoded.slice(0, colon), decoded.slice(colon + 1)) : null;
  }
  const [user, password] = [own(entry, 'username'), own(entry, 'password')];
  return typeof user === 'string' && typeof password === 'string' && user !== ''
    ? new Login(user, password)
    : null;
}

function loginOfHelper(printed: string | null): Login | null {
  if (printed === null) return null;
  try {
    const answer: unknown = JSON.parse(printed);
    const [user, secret] = [own(answer, 'Username'), own(answer, 'Secret')];
    return typeof user === 'string' && typeof secret === 'string' && secret !== ''
      ? new Login(user, secret)
      : null;
  } catch {
    return null;
  }
}

/** Runs a helper of this machine, found in PATH. */
const helper: RunHelper = (program, input) =>
  new Promise((resolve) => {
    const isWindows = process.platform === 'win32';
    const child = spawn(program, ['get'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      windowsHide: true,
      // Not the current folder, where a stranger's repository may hold a program of that name.
      cwd: isWindows ? (process.env['SystemRoot'] ?? 'C:\\Windows') : '/',
    });
    let printed = '';
    const end = (answer: string | null) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.unref();
      resolve(answer);
    };
    const timer = setTimeout(end, helperTimeoutMs, null);
    child.on('error', () => end(null));
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      printed += text;
      if (printed.length > mostConfigBytes) end(null);
    });
    child.on('close', (code) => end(code === 0 ? printed : null));
    child.stdin.end(input);
  });
