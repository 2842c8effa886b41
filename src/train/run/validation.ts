import { FAMILY_TRAITS } from '../../core/family/family.js';
import { LOW_RES_LOGITS } from '../../core/masks/low-res-mask.js';
import type { RunLengths } from '../../core/masks/run-lengths.js';
import type { Point } from '../../core/prompt.js';
import { nextClick } from '../../evaluate/next-click.js';
import { toImage } from '../../masks/formats/rle.js';
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
        sum += iouOf(mask(), postprocessMask(logits, image.size, FRAME).counts);
      }
    }
    return sum / this.objects;
  }
}

/** The centres of each object's inmost pixels. */
function clicksOf({ objects, size }: TrainingImage): Point[] {
  const nothing = new Uint8Array(size.width * size.height);
  return objects.map(({ id, mask }) => {
    const click = nextClick(toImage(mask(), size), nothing, size);
    if (!click) throw new Error(`${id} is empty`);
    const [x, y] = click.point;
    return [x + 0.5, y + 0.5];
  });
}

/** The IoU of two masks of one image, from their runs. */
export function iouOf(a: RunLengths, b: RunLengths): number {
  let [common, either] = [0, 0];
  let [atA, atB, restA, restB] = [0, 0, a[0] ?? 0, b[0] ?? 0];
  while (atA < a.length && atB < b.length) {
    const length = Math.min(restA, restB);
    const [inA, inB] = [atA % 2, atB % 2];
    if (inA && inB) common += length;
    if (inA || inB) either += length;
    restA -= length;
    restB -= length;
    if (restA === 0) restA = a[++atA] ?? 0;
    if (restB === 0) restB = b[++atB] ?? 0;
  }
  return either > 0 ? common / either : 1;
}
