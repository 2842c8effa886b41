import type { Embedding } from '../core/embedding.js';
import type { SamError } from '../core/errors.js';
import type { FindOptions } from '../core/find/find.js';
import type { FoundMask } from '../core/mask.js';
import type { MaskName } from '../core/masks/mask-name.js';
import type { MaskShape } from '../core/masks/mask-shape.js';
import type { MaskOptions, Timings } from '../core/ports.js';
import type { Box, Prompt, PromptLeniency } from '../core/prompt.js';

/** What a request asks of an image. */
export interface MaskQuery {
  readonly prompts: readonly Prompt[];
  readonly options: MaskOptions;
  readonly leniency: PromptLeniency;
  /** What is wrong with prompts that could not be read, by place; in `prompts` an empty one stands there. */
  readonly unreadable?: ReadonlyMap<number, SamError> | undefined;
  /** Which masks of a prompt go into the answer. */
  readonly masks: 'best' | 'all';
  /** How the text of prompts is looked for. */
  readonly find: FindOptions;
}

export interface Prediction {
  readonly embedding: Embedding;
  readonly options: MaskOptions;
  /** One for each prompt, in their order. */
  readonly results: readonly PromptAnswer[];
  /** What is answered but looks as if something else was meant. */
  readonly warnings: readonly string[];
  readonly timings: Timings;
  /** Of all masks in the answer, at most. */
  readonly bytes: number;
  /** Writes a mask that is not written yet. @param prompt the place of its prompt. */
  write(mask: PredictedMask, shape: MaskShape, prompt: number): Promise<Uint8Array>;
}

/** What became of one prompt: masks, or where bad prompts do not fail their request, why there are none. */
export interface PromptAnswer {
  readonly masks: readonly PredictedMask[];
  readonly error?: SamError;
}

/** What bad prompts are answered with, by their place. */
export type Failures = Map<number, SamError>;

/** A mask whose logits, where they are kept, have a token. */
export interface PredictedMask extends Omit<FoundMask, 'kept'> {
  readonly logits_token?: string;
  /** Where it was found by text. */
  readonly found?: FoundObject;
}

/** What is known of a mask that was found by text. */
export interface FoundObject extends Required<MaskName> {
  /** The object's, from which its mask was made: x1, y1, x2, y2 in pixels. */
  readonly box: Box;
}
