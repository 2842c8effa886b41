import type { OnBytes } from '../progress.js';
import { download } from './download.js';
import type { Service } from './service.js';

/** Where files are kept across reloads. */
const CACHE = 'sam-split-client';

/**
 * A file that the service has an ETag for: the copy kept by the browser, where there is one and it is still what the
 * service has, else a new one.
 */
export async function cachedFile(
  service: Service,
  path: string,
  signal: AbortSignal | undefined,
  onBytes?: OnBytes,
): Promise<Uint8Array<ArrayBuffer>> {
  const cache = await openCache();
  const key = service.url(path);
  const kept = await cache?.match(key);
  const tag = kept?.headers.get('etag');
  const response = await service.request(path, {
    headers: { accept: 'application/octet-stream', ...(tag && { 'if-none-match': tag }) },
    // The copy here is the only one: the browser's own cache need not hold a second.
    cache: 'no-store',
    ...(signal && { signal }),
  });
  if (response.status === 304 && kept) return download(kept, onBytes);
  const bytes = await download(response, onBytes);
  const etag = response.headers.get('etag');
  if (cache && etag) await keep(cache, key, bytes, etag);
  return bytes;
}

/** None in Node.js, in pages that are not secure, and where the user wants nothing to be kept. */
async function openCache(): Promise<Cache | undefined> {
  try {
    return await globalThis.caches?.open(CACHE);
  } catch {
    return undefined;
  }
}

async function keep(
  cache: Cache,
  key: string,
  bytes: Uint8Array<ArrayBuffer>,
  etag: string,
): Promise<void> {
  const headers = { etag, 'content-length': String(bytes.length) };
  // A full disk costs the copy and nothing else.
  await cache.put(key, new Response(bytes, { headers })).catch(() => undefined);
}
