import type { Caller } from '../core/caller.js';
import { SamError } from '../core/errors.js';
import type { Mask, PromptResult } from '../core/mask.js';
import type { ImageLane } from '../core/ports.js';
import type { Prediction } from './predictor.js';

/** Cuts objects out of the photograph that a prediction was made for. */
export class Cutouts {
  readonly #lane: ImageLane;
  readonly #maxPixels: number;

  /** @param maxPixels of all cut-outs of a request together: each is as large as its photograph. */
  constructor(lane: ImageLane, maxPixels: number) {
    this.#lane = lane;
    this.#maxPixels = maxPixels;
  }

  /**
   * Puts cut-outs in the place of masks.
   * @param prediction its masks as plain run lengths.
   * @param which masks of each prompt are wanted; the others are left out.
   * @throws SamError `too-many-prompts`, `overloaded`
   */
  async make(
    prediction: Prediction,
    image: Uint8Array,
    which: 'best' | 'all',
    caller: Caller,
  ): Promise<Prediction> {
    const { width, height } = prediction.embedding.image;
    const chosen = prediction.results.map(({ masks }) => masks.slice(0, which === 'best' ? 1 : 3));
    const masks = chosen.flat().map(runsOf);
    if (masks.length * width * height > this.#maxPixels) {
      throw new SamError(
        'too-many-prompts',
        `${masks.length} cut-outs of ${width}x${height} pixels are more than the ${this.#maxPixels} of a request`,
      );
    }
    const pictures = await this.#lane.cutOut({ image, masks }, caller);
    const next = pictures.values();
    const results = chosen.map(
      (masks): PromptResult => ({
        masks: masks.map((mask) => {
          const png = Buffer.from(next.next().value as Uint8Array).toString('base64');
          return { ...mask, segmentation: { size: [height, width], png } };
        }),
      }),
    );
    return { ...prediction, results };
  }
}

/** The run lengths of a mask that was asked for as such. */
export function runsOf({ segmentation }: Mask): readonly number[] {
  if ('counts' in segmentation && typeof segmentation.counts !== 'string') {
    return segmentation.counts;
  }
  throw new Error('the masks are no plain run lengths');
}
