import { FAMILY_TRAITS } from '../../core/family/family.js';
import { LOW_RES_LOGITS } from '../../core/masks/low-res-mask.js';
import type { Point } from '../../core/prompt.js';
import { firstClick } from '../../evaluate/click-session.js';
import { toImage } from '../../masks/formats/rle.js';
import { iouOfMasks } from '../../masks/overlap.js';
import { postprocessMask } from '../../masks/postprocess.js';
import { DECODER } from '../../sam/architecture.js';
import { promptTokens } from '../../sam/decoder/prompt-tokens.js';
import type { Embedder } from '../data/embedder.js';
import type { TrainingImage } from '../data/training-image.js';
import type { DecoderTrainer } from '../decoder-trainer.js';
import { likeliest } from './simulated-user.js';

const FRAME = { side: DECODER.imageSize, resize: 'longest_side' } as const;

/** Objects that are not trained on, each with a click on its inmost point. */
export class Validation {
  readonly #images: readonly { image: TrainingImage; clicks: readonly Point[] }[];
  readonly #embedder: Embedder;

  constructor(images: readonly TrainingImage[], embedder: Embedder) {
    this.#embedder = embedder;
    this.#images = images.map((image) => ({ image, clicks: clicksOf(image) }));
  }

  get objects(): number {
    return this.#images.reduce((sum, { clicks }) => sum + clicks.length, 0);
  }

  /** The mean IoU, at the images' size, of the mask with the highest predicted IoU of the three that one click gets. */
  async oneClickIou(trainer: DecoderTrainer): Promise<number> {
    let sum = 0;
    for (const { image, clicks } of this.#images) {
      const embedding = await this.#embedder.read(image);
      for (const [i, { mask }] of image.objects.entries()) {
        const click = { point_coords: [clicks[i] as Point], point_labels: [1] };
        const prompt = promptTokens(click, image.size, FRAME, FAMILY_TRAITS.sam.prompt);
        const { masks, ious } = await trainer.answer(embedding, [prompt]);
        const start = likeliest(ious, 0) * LOW_RES_LOGITS;
        const logits = masks.subarray(start, start + LOW_RES_LOGITS);
        sum += iouOfMasks(mask(), postprocessMask(logits, image.size, FRAME).counts);
      }
    }
    return sum / this.objects;
  }
}

/** Each object's inmost pixel. */
function clicksOf({ objects, size }: TrainingImage): Point[] {
  return objects.map(({ mask }) => {
    const [x, y] = firstClick({ ...size, runs: mask(), pixels: toImage(mask(), size) });
    return [x, y];
  });
}
