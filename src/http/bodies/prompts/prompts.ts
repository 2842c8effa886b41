import { violation } from '../../../core/errors.js';
import type { Prompt } from '../../../core/prompt.js';
import type { PromptRequest } from '../../schemas/requests.js';

const PROMPT_FIELDS = [
  'point_coords',
  'point_labels',
  'box',
  'mask_input',
  'multimask_output',
  'text',
  'exemplar',
] as const;

/** Whether anything is asked at all. */
export function hasPrompt(fields: PromptRequest): boolean {
  return fields.prompts !== undefined || PROMPT_FIELDS.some((name) => fields[name] !== undefined);
}

/**
 * The prompts of a request that has passed its schema: one at the top level, or many.
 * @throws SamError `invalid-request` when there are both
 */
export function readPrompts(fields: PromptRequest): {
  readonly prompts: readonly Prompt[];
  readonly single: boolean;
} {
  const own: Prompt = Object.fromEntries(
    PROMPT_FIELDS.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])),
  );
  if (!fields.prompts) return { prompts: [own], single: true };
  const { multimask_output, ...rest } = own;
  const [both] = Object.keys(rest);
  if (both) throw violation('invalid-request', `/${both}`, 'must not stand beside prompts');
  const common = multimask_output === undefined ? {} : { multimask_output };
  return { prompts: fields.prompts.map((prompt) => ({ ...common, ...prompt })), single: false };
}
