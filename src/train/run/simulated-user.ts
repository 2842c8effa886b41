import type { ImageSize } from '../../core/image.js';
import { LOW_RES_LOGITS } from '../../core/masks/low-res-mask.js';
import type { Box } from '../../core/prompt.js';
import { noisyBox } from '../../evaluate/noise.js';
import { DECODER } from '../../sam/architecture.js';
import type { DecoderAnswer, TrainingPrompt } from '../feeds.js';
import { promptInFrame } from '../frame.js';
import type { LowResLabel } from '../low-res-label.js';
import { normal, type Random } from '../random.js';
import { type FrameClick, trainingClick } from '../simulated-prompts.js';

/** What is to be segmented, in the model's frame. */
export interface TrainingObject {
  readonly label: LowResLabel;
  /** The smallest around the label. */
  readonly box: Box;
}

/** Somebody who asks for an object, sees the answer, and clicks where it is wrong (Kirillov et al., 2023, appendix A). */
export class SimulatedUser {
  readonly #label: LowResLabel;
  /** The resized image's. */
  readonly #size: ImageSize;
  readonly #random: Random;
  readonly #clicks: FrameClick[] = [];
  readonly #box: Box | undefined;
  /** The mask that was answered last. */
  #logits: Float32Array | undefined;

  /** Begins with a click or a box, by equal chance. */
  constructor({ label, box }: TrainingObject, size: ImageSize, random: Random) {
    this.#label = label;
    this.#size = size;
    this.#random = random;
    if (random() < 0.5) this.click();
    else this.#box = noisyBox(box, [random, random, random, random].map(normal), size);
  }

  /** Clicks where the last mask is wrong, if it is. */
  click(): void {
    const click = trainingClick(this.#label, this.#logits, this.#random());
    if (click) this.#clicks.push(click);
  }

  /** What is asked now. */
  get prompt(): TrainingPrompt {
    const prompt = {
      point_coords: this.#clicks.map(({ point }) => point),
      point_labels: this.#clicks.map(({ label }) => label),
      ...(this.#box && { box: this.#box }),
    };
    const tokens = promptInFrame(prompt, this.#size);
    const multimask = this.#clicks.length === 1 && !this.#box && !this.#logits;
    return { ...tokens, mask: this.#logits, label: this.#label, multimask };
  }

  /** Looks at the answer: of three masks at that of the highest predicted IoU. @param at whose of the batch it is. */
  see({ masks, ious }: DecoderAnswer, at: number): void {
    const token = this.prompt.multimask ? likeliest(ious, at) : 0;
    const start = (at * DECODER.maskTokens + token) * LOW_RES_LOGITS;
    this.#logits = masks.slice(start, start + LOW_RES_LOGITS);
  }
}

/** Of mask tokens 1 to 3, that of the highest predicted IoU. @param ious [B,4] @param at which of the batch. */
export function likeliest(ious: Float32Array, at: number): number {
  const of = (token: number) => ious[at * DECODER.maskTokens + token] as number;
  return [1, 2, 3].reduce((best, token) => (of(token) > of(best) ? token : best));
}
