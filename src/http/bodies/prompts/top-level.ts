import { SamError } from '../../../core/errors.js';
import type { Prediction } from '../../../service/prediction.js';
import type { Picture } from '../../../service/segmenter.js';
import type { MaskRequest } from './mask-request.js';

/** Runs `work`, whose errors name the first of many prompts, for a request whose one prompt stood at the top level. */
export async function atTopLevel<T extends Prediction | Picture>(
  { single }: MaskRequest,
  work: () => Promise<T>,
): Promise<T> {
  if (!single) return work();
  try {
    const answer = await work();
    return 'results' in answer ? { ...answer, results: answer.results.map(moved) } : answer;
  } catch (error) {
    throw error instanceof SamError ? withoutPlace(error) : error;
  }
}

function moved(result: Prediction['results'][number]): Prediction['results'][number] {
  return result.error ? { ...result, error: withoutPlace(result.error) } : result;
}

function withoutPlace(error: SamError): SamError {
  if (error.violations.length === 0) return error;
  const { code, message, violations } = error;
  return new SamError(code, message.replaceAll('/prompts/0', '').trim(), {
    violations: violations.map(({ path, message }) => ({
      path: path.replace('/prompts/0', ''),
      message,
    })),
  });
}
