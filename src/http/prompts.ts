import { SamError } from '../core/errors.js';
import type { MaskOptions } from '../core/ports.js';
import type { Prompt } from '../core/prompt.js';
import type { PromptRequest } from './request-schemas.js';

/** What a request asks, in the domain's form. */
export interface PromptList {
  readonly prompts: readonly Prompt[];
  readonly options: MaskOptions;
  /** Whether the one prompt stood at the top level. */
  readonly single: boolean;
}

const PROMPT_FIELDS = ['point_coords', 'point_labels', 'box', 'mask_input'] as const;

/**
 * Takes the prompts of a request that has passed its schema.
 * @throws SamError `invalid-request` when prompts stand in both places
 */
export function readPrompts(body: PromptRequest): PromptList {
  const options: MaskOptions = {
    format: body.format ?? 'rle',
    logits: body.return_logits ? (body.logits_dtype ?? 'float32') : undefined,
  };
  const { prompts, format, return_logits, logits_dtype, ...prompt } = body;
  if (!prompts) return { prompts: [prompt], options, single: true };
  const both = PROMPT_FIELDS.find((field) => prompt[field] !== undefined);
  if (both) {
    const violations = [{ path: `/${both}`, message: 'must not stand beside prompts' }];
    throw new SamError('invalid-request', `/${both} must not stand beside prompts`, { violations });
  }
  // What is left at the top level is multimask_output, if anything.
  return { prompts: prompts.map((own) => ({ ...prompt, ...own })), options, single: false };
}

/** Runs `work`, whose errors name `/prompts/0`, for a prompt that stood at the top level. */
export async function located<T>({ single }: PromptList, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!single || !(error instanceof SamError) || error.violations.length === 0) throw error;
    const { code, message, violations } = error;
    throw new SamError(code, message.replaceAll('/prompts/0', '').trim(), {
      violations: violations.map(({ path, message }) => ({
        path: path.replace('/prompts/0', ''),
        message,
      })),
    });
  }
}
