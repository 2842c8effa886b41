import type { Embedding } from './embedding.js';
import type { DecodedMask } from './mask.js';
import type { Prompt } from './openapi.js';

/**
 * Where prompts are to be decoded. `here` never asks the server and throws what goes wrong; `auto` decodes here as soon
 * and as long as that works, and on the server otherwise.
 */
export type DecodeWhere = 'here' | 'server' | 'auto';

/** Where a prompt was decoded. */
export type Place =
  | { readonly runtime: 'webgpu' }
  | { readonly runtime: 'wasm'; readonly threads: number }
  | { readonly runtime: 'server' };

/** The prompt of `SamPredictor.predict`, in pixels of the oriented image. */
export interface PredictPrompt extends Omit<Prompt, 'mask_input'> {
  /** [256,256] logits: `low_res_logits` of an earlier mask, or made otherwise. */
  readonly mask_input?: Float32Array;
}

/** What an answer is to have. */
export interface Wanted {
  /** Masks bring their logits. */
  readonly logits: boolean;
  /** Only the mask with the best predicted IoU: the others are not brought to the image's size. */
  readonly best: boolean;
  /** Masks of this size, where they are made here; of the image's by default. */
  readonly size: Pick<Embedding, 'width' | 'height'> | undefined;
}

/** The answer to one prompt. */
export interface Prediction {
  /** Best predicted IoU first. */
  readonly masks: readonly DecodedMask[];
  readonly place: Place;
  /** Why the server decoded what was to be decoded here. */
  readonly fallback?: string;
  /** From the call to the masks, at the image's size. */
  readonly ms: number;
}
