import type { LowResLogits, PngMask, Rle, RleCounts } from './mask.js';
import type { Tensor } from './tensors/tensor.js';

/** x, y in pixels of the oriented image; (0,0) is the outer corner of the top-left pixel. */
export type Point = readonly [x: number, y: number];

/** x1, y1, x2, y2 in pixels, x1 < x2 and y1 < y2. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** Stands for logits that the service has kept. */
export interface LogitsToken {
  readonly token: string;
}

/**
 * A mask to start from: logits of an earlier answer, inline or by token, or a mask of the image's size, which
 * stands in for logits only approximately. A tensor [256,256] is what a token stood for.
 */
export type MaskInput =
  | LowResLogits
  | LogitsToken
  | Tensor
  | Rle
  | RleCounts
  | Pick<PngMask, 'png'>;

/**
 * One question about an image. The field names are those of `SamPredictor.predict`, here and on the
 * wire, so that no layer has to translate them.
 */
export interface Prompt {
  readonly point_coords?: readonly Point[];
  /** 1 foreground, 0 background; as many as there are points. */
  readonly point_labels?: readonly number[];
  readonly box?: Box;
  readonly mask_input?: MaskInput;
  readonly multimask_output?: boolean;
  /** What is to be found, in words: one phrase or several. Points and a box then choose among what is found. */
  readonly text?: string | readonly string[];
  /** More of this is to be found. */
  readonly exemplar?: Exemplar;
}

/** A box around an object, in the image that is asked about or in another that is embedded for text. */
export interface Exemplar {
  readonly box: Box;
  readonly embedding_id?: string;
}

/** Whether a prompt says what is to be found, in words or by example, and not where. */
export function isSearch({ text, exemplar }: Prompt): boolean {
  return text !== undefined || exemplar !== undefined;
}

/** What is done about prompts that are not as they should be. */
export interface PromptLeniency {
  /** Whether points and boxes that reach out of the image are moved to its edge. */
  readonly clip: boolean;
  /** Whether a bad prompt fails its request, or is answered with its error among the other results. */
  readonly onError: 'fail' | 'result';
}

/** Masks that answer an ambiguous prompt, such as a lone point: the whole, a part, and a part of that. */
export const AMBIGUOUS_MASKS = 3;

/**
 * Whether a prompt asks for `AMBIGUOUS_MASKS`. Where the client leaves it open, the advice of SAM's authors
 * holds: a lone point is ambiguous and wants several masks; anything more wants one.
 */
export function wantsMultimask(prompt: Prompt): boolean {
  return (
    prompt.multimask_output ??
    (prompt.point_coords?.length === 1 &&
      prompt.box === undefined &&
      prompt.mask_input === undefined)
  );
}

/** How many masks answer a prompt. */
export function masksPerPrompt(multimask: boolean): number {
  return multimask ? AMBIGUOUS_MASKS : 1;
}

/**
 * Prompts with equal keys can share a run of the decoder: whatever a family makes of points and boxes, they have as many
 * tokens, masks in and masks out. Further padding would change an answer.
 */
export function batchKey(prompt: Prompt): string {
  const masks = wantsMultimask(prompt) ? 'multimask' : 'single';
  const { point_coords = [], box, mask_input } = prompt;
  return `${point_coords.length} points${box ? ', box' : ''}, ${masks}${mask_input ? ', mask input' : ''}`;
}
