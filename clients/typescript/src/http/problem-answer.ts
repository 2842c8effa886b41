import type { Problem } from '../openapi.js';
import { SamProblem } from '../problem.js';

/** What an answer that is an error says. Something before the service may have given it, in words of its own. */
export async function problemOf(response: Response): Promise<SamProblem> {
  const { status, headers } = response;
  const retryAfter = waitOf(headers.get('retry-after'));
  const isProblem = headers.get('content-type')?.startsWith('application/problem+json');
  const text = await response.text();
  try {
    if (isProblem) return new SamProblem({ ...(JSON.parse(text) as Problem), status }, retryAfter);
  } catch {
    // Broken off: its status is what is known.
  }
  return new SamProblem({ status }, retryAfter);
}

/** Milliseconds of a `Retry-After`: seconds, or a date as proxies send it. */
function waitOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  const wait = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
