import { answer, type Handler, TestServer } from './registry.ts';

export const cacheToken = 'runtime-token-0123456789';
const signature = 'sig=signed-secret';

/**
 * The cache service of GitHub Actions, version 2, as far as @actions/cache asks it: entries by key and version, uploads
 * and downloads at addresses that are signed.
 */
export class ActionsCache extends TestServer {
  /** By key. */
  readonly entries = new Map<string, { version: string; bytes: Buffer }>();
  readonly #uploads = new Map<string, Buffer>();

  constructor() {
    super((request, body) => this.#route(request.url ?? '', request.headers.authorization, body));
  }

  /** For the environment of a step. */
  get env(): Record<string, string> {
    return {
      ACTIONS_RESULTS_URL: `${this.url}/`,
      ACTIONS_RUNTIME_TOKEN: cacheToken,
      ACTIONS_CACHE_SERVICE_V2: 'true',
    };
  }

  #route(url: string, authorization: string | undefined, body: Buffer): Handler {
    const [path = '', query = ''] = url.split('?');
    if (path.startsWith('/blob/')) {
      if (query.split('&').every((part) => part !== signature)) return answer(403);
      const key = decodeURIComponent(path.slice('/blob/'.length));
      if (body.length === 0) return this.give(this.entries.get(key)?.bytes ?? new Uint8Array());
      this.#uploads.set(key, body);
      return answer(201, { etag: '"1"', 'last-modified': 'Mon, 01 Jan 2026 00:00:00 GMT' });
    }
    if (authorization !== `Bearer ${cacheToken}`) return answer(401);
    const { key, version } = JSON.parse(body.toString()) as { key: string; version: string };
    const signed = `${this.url}/blob/${encodeURIComponent(key)}?${signature}`;
    const json = (value: unknown) =>
      answer(200, { 'content-type': 'application/json' }, JSON.stringify(value));
    switch (path.split('/').at(-1)) {
      case 'CreateCacheEntry':
        return this.entries.has(key) ? json({ ok: false }) : json({ ok: true, signed_upload_url: signed });
      case 'FinalizeCacheEntryUpload':
        this.entries.set(key, { version, bytes: this.#uploads.get(key) as Buffer });
        return json({ ok: true, entry_id: '7' });
      case 'GetCacheEntryDownloadURL': {
        const found = this.entries.get(key);
        return found?.version === version
          ? json({ ok: true, signed_download_url: signed, matched_key: key })
          : json({ ok: false });
      }
      default:
        return answer(404);
    }
  }
}
