import { SamError } from '../core/errors.js';
import type { Mask, PromptResult } from '../core/mask.js';
import type { DrawnMask, PictureMaker } from '../core/ports.js';
import type { Prediction } from './predictor.js';

/** Cut-outs are made together up to so many pixels: for more, it costs little to decode the photograph again. */
const PIXELS_AT_ONCE = 8_000_000;

/** Cuts objects out of the photograph that a prediction was made for. */
export class Cutouts {
  readonly #maker: PictureMaker;
  readonly #maxPixels: number;

  /** @param maxPixels of all cut-outs of a request together: each is as large as its photograph. */
  constructor(maker: PictureMaker, maxPixels: number) {
    this.#maker = maker;
    this.#maxPixels = maxPixels;
  }

  /**
   * Puts cut-outs in the place of masks.
   * @param prediction as for `each`.
   * @param which masks of each prompt are wanted; the others are left out.
   * @throws as `each`
   */
  async make(
    prediction: Prediction,
    image: Uint8Array,
    which: 'best' | 'all',
    signal?: AbortSignal,
  ): Promise<Prediction> {
    const results: { masks: Mask[] }[] = prediction.results.map(() => ({ masks: [] }));
    for await (const { prompt, mask } of this.each(prediction, image, which, signal)) {
      results[prompt]?.masks.push(mask);
    }
    return { ...prediction, results };
  }

  /**
   * The masks with their cut-outs, prompt by prompt. The next are made when they are asked for: large ones one by one,
   * so that no more than one is held for who takes them slowly.
   * @param prediction its masks as COCO's compressed strings.
   * @param which masks of each prompt are wanted.
   * @throws SamError `too-many-prompts` before any is made, `overloaded`
   */
  async *each(
    prediction: Prediction,
    image: Uint8Array,
    which: 'best' | 'all',
    signal?: AbortSignal,
  ): AsyncGenerator<{ readonly prompt: number; readonly mask: Mask }> {
    const { width, height } = prediction.embedding.image;
    const chosen = chosenOf(prediction.results, which);
    if (chosen.length * width * height > this.#maxPixels) {
      throw new SamError(
        'too-many-prompts',
        `${chosen.length} cut-outs of ${width}x${height} pixels are more than the ${this.#maxPixels} of a request`,
      );
    }
    const together = Math.max(1, Math.floor(PIXELS_AT_ONCE / (width * height)));
    for (let at = 0; at < chosen.length; at += together) {
      const group = chosen.slice(at, at + together);
      const masks = group.map(({ mask }) => drawn(mask).counts);
      const pictures = await this.#maker.cutOut({ image, masks }, signal);
      for (const [i, { prompt, mask }] of group.entries()) {
        const png = Buffer.from(pictures[i] as Uint8Array).toString('base64');
        yield { prompt, mask: { ...mask, segmentation: { size: [height, width], png } } };
      }
    }
  }
}

function chosenOf(results: readonly PromptResult[], which: 'best' | 'all') {
  return results.flatMap(({ masks }, prompt) =>
    masks.slice(0, which === 'best' ? 1 : undefined).map((mask) => ({ prompt, mask })),
  );
}

/** What a picture is made from, of a mask that was asked for as COCO's compressed string. */
export function drawn({ segmentation, area }: Mask): DrawnMask {
  if ('counts' in segmentation && typeof segmentation.counts === 'string') {
    return { counts: segmentation.counts, area };
  }
  throw new Error('the masks are no compressed run lengths');
}
