import type { Send } from './service.js';

/** Whether uploads can be watched: in pages and their workers, not in Node.js. */
export const canWatchUploads = typeof XMLHttpRequest === 'function';

/**
 * Sends like `fetch`, which cannot tell how much of a body has left.
 * @param onProgress is told shares from 0 to 1; 1 is told once, when all of the body is out.
 */
export function watchedUpload(onProgress: (fraction: number) => void): Send {
  return (url, { method = 'GET', headers, body, signal }) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const xhr = new XMLHttpRequest();
      const abort = () => xhr.abort();
      xhr.open(method, url);
      xhr.responseType = 'blob';
      new Headers(headers).forEach((value, name) => {
        xhr.setRequestHeader(name, value);
      });
      xhr.upload.onprogress = ({ loaded, total }) => {
        if (loaded < total) onProgress(loaded / total);
      };
      xhr.upload.onload = () => onProgress(1);
      xhr.onload = () => resolve(answerOf(xhr));
      xhr.onerror = () => reject(new TypeError(`no answer from ${url}`));
      xhr.onabort = () => reject(signal?.reason);
      xhr.onloadend = () => signal?.removeEventListener('abort', abort);
      signal?.addEventListener('abort', abort, { once: true });
      xhr.send(body as XMLHttpRequestBodyInit);
    });
}

function answerOf(xhr: XMLHttpRequest): Response {
  const headers = new Headers();
  for (const line of xhr
    .getAllResponseHeaders()
    .trim()
    .split(/[\r\n]+/)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return new Response(xhr.response as Blob, { status: xhr.status, headers });
}
