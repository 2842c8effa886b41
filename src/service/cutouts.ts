import type { Caller } from '../core/caller.js';
import { SamError } from '../core/errors.js';
import type { ImageLane } from '../core/ports.js';
import type { PredictedMask, Prediction } from './predictor.js';

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
   * Writes the masks of a prediction as cut-outs, each when the answer gets to it.
   * @param prediction its masks as run lengths.
   * @param which masks of each prompt are wanted; the others are left out.
   * @throws SamError `too-many-prompts`
   */
  of(prediction: Prediction, image: Uint8Array, which: 'best' | 'all', caller: Caller): Prediction {
    const { width, height } = prediction.embedding.image;
    const results = prediction.results.map(({ masks }) => ({
      masks: masks.slice(0, which === 'best' ? 1 : 3),
    }));
    const count = results.reduce((sum, { masks }) => sum + masks.length, 0);
    if (count * width * height > this.#maxPixels) {
      throw new SamError(
        'too-many-prompts',
        `${count} cut-outs of ${width}x${height} pixels are more than the ${this.#maxPixels} of a request`,
      );
    }
    return {
      ...prediction,
      results,
      write: async (mask) => {
        const [png] = await this.#lane.cutOut({ image, masks: [runsOf(mask)] }, caller);
        return png as Uint8Array;
      },
    };
  }
}

/** The run lengths of a mask that was asked for as such. */
export function runsOf({
  runs,
  segmentation,
}: Partial<Pick<PredictedMask, 'runs' | 'segmentation'>>): readonly number[] {
  if (runs) return Array.from(runs);
  if (segmentation && 'counts' in segmentation && typeof segmentation.counts !== 'string') {
    return segmentation.counts;
  }
  throw new Error('the masks are no plain run lengths');
}
