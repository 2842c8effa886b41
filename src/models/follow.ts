import { OperatorError } from '../core/errors.js';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 5;

/**
 * Fetches a URL and follows its redirects, to https only: on a connection without it, anyone between could send the
 * download elsewhere.
 * @throws OperatorError for a redirect that leads elsewhere, or too many of them
 */
export async function follow(start: string, init: RequestInit): Promise<Response> {
  let url = start;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await fetch(url, { ...init, redirect: 'manual' });
    const location = response.headers.get('location');
    if (!REDIRECTS.has(response.status) || location === null) return response;
    await response.body?.cancel();
    const next = URL.canParse(location, url) ? new URL(location, url) : undefined;
    if (next?.protocol !== 'https:') {
      throw new OperatorError(
        `${start} leads to ${next?.origin ?? 'no URL'}, which is not https: only such redirects are followed`,
      );
    }
    url = next.href;
  }
  throw new OperatorError(`${start} leads from one URL to another without end`);
}
