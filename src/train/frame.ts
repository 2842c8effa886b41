import { FAMILY_TRAITS } from '../core/family/family.js';
import type { ImageSize } from '../core/image.js';
import { LOW_RES_LOGITS } from '../core/masks/low-res-mask.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import type { Prompt } from '../core/prompt.js';
import { postprocessMask } from '../masks/postprocess.js';
import { DECODER } from '../sam/architecture.js';
import { promptTokens } from '../sam/decoder/prompt-tokens.js';
import type { DecoderAnswer, FramePrompt } from './feeds.js';

const FRAME = { side: DECODER.imageSize, resize: 'longest_side' } as const;

/** @param prompt in pixels of `image`, which may be the resized one. */
export function promptInFrame(prompt: Prompt, image: ImageSize): FramePrompt {
  return promptTokens(prompt, image, FRAME, FAMILY_TRAITS.sam.prompt);
}

/** The mask of a token in an answer to one prompt, at the image's size. */
export function maskOf({ masks }: DecoderAnswer, token: number, image: ImageSize): RunLengths {
  const logits = masks.subarray(token * LOW_RES_LOGITS, (token + 1) * LOW_RES_LOGITS);
  return postprocessMask(logits, image, FRAME).counts;
}
