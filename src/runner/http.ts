import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { runnerError } from './errors.ts';
import type { Endpoint } from './types.ts';

export interface Question {
  method: 'GET' | 'POST' | 'DELETE';
  /** Below the endpoint's prefix, percent-encoded. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: unknown;
}

/** Longest waits in milliseconds. */
export interface Patience {
  /** For the connection. */
  connectMs: number;
  /** From the request to the head of the answer. */
  headMs: number;
  /** Between two pieces of the answer. */
  idleMs: number;
}

export interface Answer {
  status: number;
  /** May be read once. Throws a RunnerError where it breaks off or falls silent. */
  body: AsyncIterable<Uint8Array>;
  /** Closes the connection. */
  close(): void;
}

/** Asks a runner. `subject` is what errors are about. Throws a RunnerError. */
export type Ask = (
  endpoint: Endpoint,
  question: Question,
  patience: Patience,
  subject: string,
  signal?: AbortSignal,
) => Promise<Answer>;

/** Over HTTP, one connection a question. */
export const ask: Ask = async (endpoint, question, patience, subject, signal) => {
  const { address } = endpoint;
  const body = question.body === undefined ? undefined : JSON.stringify(question.body);
  const isTls = 'tls' in address && address.tls;
  const request = isTls ? (await import('node:https')).request : httpRequest;
  const options: RequestOptions = {
    ...('path' in address
      ? { socketPath: address.path, host: 'localhost' }
      : { host: address.host, port: address.port }),
    method: question.method,
    path: endpoint.prefix + question.path,
    agent: false,
    headers: {
      // Exactly this: with anything else the lines of a pull come escaped for HTML.
      accept: 'application/json',
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
      ...question.headers,
    },
  };
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(runnerError('cancelled', subject));
      return;
    }
    const sent = request(options);
    let isConnected = false;
    const failed = (error: Error) => {
      const kind = signal?.aborted ? 'cancelled' : kindOf(error, isConnected);
      const { code = '' } = error as NodeJS.ErrnoException;
      return kind === 'not-running' || kind === 'no-permission'
        ? runnerError(kind, endpoint.name, causes.get(code) ?? code)
        : runnerError(kind, subject);
    };
    const stop = () => sent.destroy();
    signal?.addEventListener('abort', stop, { once: true });
    let timer = setTimeout(() => sent.destroy(late()), patience.connectMs);
    sent.on('socket', (socket) =>
      socket.once(isTls ? 'secureConnect' : 'connect', () => {
        isConnected = true;
        clearTimeout(timer);
        timer = setTimeout(() => sent.destroy(late()), patience.headMs);
      }),
    );
    sent.on('close', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    });
    // Stays after the answer began: its breaking off is an error of the request too.
    sent.on('error', (error) => reject(failed(error)));
    sent.on('response', (response) => {
      clearTimeout(timer);
      response.socket.setTimeout(patience.idleMs, () => response.destroy(late()));
      resolve({
        status: response.statusCode ?? 0,
        body: piecesOf(response, failed),
        close: () => response.destroy(),
      });
    });
    sent.end(body);
  });
};

const late = () => Object.assign(new Error('no answer in time'), { code: 'TIMEOUT' });

async function* piecesOf(
  response: IncomingMessage,
  failed: (error: Error) => Error,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const piece of response) yield piece as Uint8Array;
  } catch (error) {
    throw failed(error as Error);
  }
  // An answer that stops before its own end is cut, whatever it said until then.
  if (!response.complete) throw failed(new Error('cut'));
}

/** Why there is no connection; any other code speaks for itself. */
const causes = new Map([
  ['ECONNREFUSED', 'nothing listens'],
  ['ENOENT', 'nothing listens'],
  ['ENOTFOUND', 'no such host'],
  ['EAI_AGAIN', 'no such host'],
  ['EHOSTUNREACH', 'no way to the host'],
  ['ENETUNREACH', 'no way to the host'],
  ['TIMEOUT', 'no connection in time'],
]);

function kindOf(error: NodeJS.ErrnoException, isConnected: boolean) {
  const { code = '' } = error;
  if (code === 'EACCES' || code === 'EPERM') return 'no-permission';
  if (!isConnected) return 'not-running';
  if (code === 'TIMEOUT') return 'silent';
  return code.startsWith('HPE_') ? 'protocol' : 'interrupted';
}
