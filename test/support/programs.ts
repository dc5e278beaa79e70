import { chmodSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { folderOf, write } from './process.ts';

/** How a program was called. */
export interface Call {
  program: string;
  args: string[];
}

export interface Said {
  stdout?: string;
  stderr?: string;
  code?: number;
}

/**
 * Commands that ask the test what they say. POSIX systems only. `folder` is for PATH, and `calls` has their argument
 * lists as they were.
 */
export async function programs(
  names: readonly string[],
  answer: (call: Call) => Said | Promise<Said>,
): Promise<{ folder: string; calls: Call[]; close(): Promise<unknown> }> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    request.on('end', async () => {
      const call = JSON.parse(text) as Call;
      calls.push(call);
      response.end(JSON.stringify(await answer(call)));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const folder = folderOf();
  for (const name of names) {
    write(folder, {
      [name]: `#!${process.execPath}
const [, path, ...args] = process.argv;
const body = JSON.stringify({ program: require('node:path').basename(path), args });
const request = require('node:http').request({ host: '127.0.0.1', port: ${port}, method: 'POST' }, (response) => {
  let text = '';
  response.on('data', (piece) => (text += piece)).on('end', () => {
    const { stdout = '', stderr = '', code = 0 } = JSON.parse(text);
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    process.exitCode = code;
  });
});
request.end(body);
`,
    });
    chmodSync(join(folder, name), 0o755);
  }
  return { folder, calls, close: () => new Promise((done) => server.close(done)) };
}
