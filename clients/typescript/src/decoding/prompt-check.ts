import { SamError } from '../../../../src/core/errors.js';
import { LOW_RES_LOGITS } from '../../../../src/core/masks/low-res-mask.js';
import { checkGeometry, checkShape } from '../../../../src/service/prompt-rules.js';
import type { Embedding } from '../embedding.js';
import type { PredictPrompt } from '../prediction.js';
import { SamProblem } from '../problem.js';

/** How many points a prompt may have is the server's to say, for its own sake. */
const NO_LIMITS = {
  maxPrompts: 1,
  maxPoints: Number.POSITIVE_INFINITY,
  maxMaskPixels: Number.POSITIVE_INFINITY,
  maxAnswerBytes: Number.POSITIVE_INFINITY,
};

/**
 * Refuses what the server would refuse, in its words.
 * @throws SamProblem `invalid-request`, `prompt-invalid`; RangeError for logits that are not [256,256]
 */
export function checkPrompt({ mask_input, ...points }: PredictPrompt, image: Embedding): void {
  if (mask_input && mask_input.length !== LOW_RES_LOGITS) {
    throw new RangeError(`mask_input has ${mask_input.length} logits, not ${LOW_RES_LOGITS}`);
  }
  const stand = { dtype: 'float32', data: '' } as const;
  const prompts = new Map([[0, { ...points, ...(mask_input && { mask_input: stand }) }]]);
  try {
    checkShape(prompts, NO_LIMITS);
    checkGeometry(prompts, image);
  } catch (error) {
    if (!(error instanceof SamError)) throw error;
    const { code, message, violations } = error;
    // A lone prompt stands at the top of its request.
    const placed = (text: string) => text.replace('/prompts/0', '').trim();
    throw new SamProblem({
      type: `/problems/${code}`,
      status: code === 'invalid-request' ? 400 : 422,
      detail: placed(message),
      errors: violations.map(({ path, message }) => ({ path: placed(path), message })),
    });
  }
}
