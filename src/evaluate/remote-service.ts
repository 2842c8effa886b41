import { OperatorError } from '../core/errors.js';
import type { Send } from './service-client.js';

/**
 * A service that runs elsewhere.
 * @param url of its root. @param key for `Authorization`, where it wants one.
 * @throws OperatorError for what is no URL
 */
export function remoteService(url: string, key: string | undefined): Send {
  const root = URL.canParse(url) ? new URL(url) : undefined;
  if (!root || !/^https?:$/.test(root.protocol)) {
    throw new OperatorError(
      `--url ${url}: give the service's address, such as http://localhost:8080`,
    );
  }
  const base = root.href.replace(/\/$/, '');
  return async ({ method, path, type, body }) => {
    const headers = {
      ...(type && { 'content-type': type }),
      ...(key && { authorization: `Bearer ${key}` }),
    };
    try {
      const init = { method, headers, ...(body !== undefined && { body }) };
      const response = await fetch(base + path, init);
      const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
      return {
        status: response.status,
        retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
        body: await response.text(),
      };
    } catch (error) {
      const { cause } = error as Error;
      const reason = cause instanceof Error ? cause.message : (error as Error).message;
      throw new OperatorError(`${url} does not answer: ${reason}`);
    }
  };
}
