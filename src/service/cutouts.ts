import type { Caller } from '../core/caller.js';
import { SamError } from '../core/errors.js';
import type { Mask } from '../core/mask.js';
import type { DrawnMask, PictureMaker } from '../core/ports.js';
import type { PredictedMask, Prediction } from './prediction.js';

/** Cut-outs are made together up to so many pixels: for more, it costs little to decode the photograph again. */
const PIXELS_AT_ONCE = 8_000_000;
/** In the place of the runs of a mask that is still to be cut out. */
const TO_BE_CUT = new Uint32Array(0);

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
   * The prediction with its masks to be written as cut-outs: they are made when the answer gets to them, large ones one
   * by one, so that no more than one is held for who takes them slowly.
   * @param prediction its masks as COCO's compressed strings.
   * @param which masks of each prompt are wanted; the others are left out.
   * @throws SamError `too-many-prompts`
   */
  of(prediction: Prediction, image: Uint8Array, which: 'best' | 'all', caller: Caller): Prediction {
    const { width, height } = prediction.embedding.image;
    const chosen = prediction.results.map(({ masks }) =>
      masks.slice(0, which === 'best' ? 1 : undefined),
    );
    const all = chosen.flat().map(drawn);
    if (all.length * width * height > this.#maxPixels) {
      throw new SamError(
        'too-many-prompts',
        `${all.length} cut-outs of ${width}x${height} pixels are more than the ${this.#maxPixels} of a request`,
      );
    }
    const pictures = new Pictures(
      Math.max(1, Math.floor(PIXELS_AT_ONCE / (width * height))),
      (from, to) => this.#maker.draw({ kind: 'cutOut', image, masks: all.slice(from, to) }, caller),
    );
    const places = new Map<PredictedMask, number>();
    const results = chosen.map((masks, prompt) => ({
      ...prediction.results[prompt],
      masks: masks.map(({ segmentation: _, ...mask }) => {
        const cut = { ...mask, runs: TO_BE_CUT };
        places.set(cut, places.size);
        return cut;
      }),
    }));
    return { ...prediction, results, write: (mask) => pictures.at(places.get(mask) as number) };
  }
}

/** Pictures that are made a few at a time, of which only the latest are held. */
class Pictures {
  readonly #together: number;
  readonly #make: (from: number, to: number) => Promise<readonly Uint8Array[]>;
  #from = -1;
  #latest: Promise<readonly Uint8Array[]> = Promise.resolve([]);

  constructor(
    together: number,
    make: (from: number, to: number) => Promise<readonly Uint8Array[]>,
  ) {
    this.#together = together;
    this.#make = make;
  }

  async at(place: number): Promise<Uint8Array> {
    const from = place - (place % this.#together);
    if (from !== this.#from) this.#latest = this.#make(from, from + this.#together);
    this.#from = from;
    return (await this.#latest)[place - from] as Uint8Array;
  }
}

/** What a picture is made from, of a mask that was asked for as COCO's compressed string. */
export function drawn({ segmentation, area }: Pick<Mask, 'area'> & Partial<Mask>): DrawnMask {
  if (segmentation && 'counts' in segmentation && typeof segmentation.counts === 'string') {
    return { counts: segmentation.counts, area };
  }
  throw new Error('the masks are no compressed run lengths');
}
