import type { Point } from '../../core/prompt.js';
import { firstClick } from '../../evaluate/click-session.js';
import { toImage } from '../../masks/formats/rle.js';
import { iouOfMasks } from '../../masks/overlap.js';
import type { Embedder } from '../data/embedder.js';
import type { TrainingImage } from '../data/training-image.js';
import type { DecoderTrainer } from '../decoder-trainer.js';
import { maskOf, promptInFrame } from '../frame.js';
import { likeliest } from './simulated-user.js';

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
        const prompt = promptInFrame(click, image.size);
        const answer = await trainer.answer(embedding, [prompt]);
        sum += iouOfMasks(mask(), maskOf(answer, likeliest(answer.ious, 0), image.size));
      }
    }
    return sum / this.objects;
  }
}

/** Each object's inmost pixel. */
function clicksOf({ objects, size }: TrainingImage): Point[] {
  return objects.map(({ mask }) => {
    const [x, y] = firstClick({ ...size, pixels: toImage(mask(), size) });
    return [x, y];
  });
}
