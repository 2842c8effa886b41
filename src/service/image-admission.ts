import type { Caller } from '../core/caller.js';
import { SamError } from '../core/errors.js';
import type { ImageSize } from '../core/image.js';
import type {
  CropTask,
  DrawnMask,
  Encoded,
  ImageLane,
  PictureMaker,
  PictureTask,
} from '../core/ports.js';
import { declaredSize } from '../image/declared-size.js';

/** The decoded photograph, and what is worked out beside it. */
const BYTES_PER_PIXEL = 4;

export interface ImageLimits {
  readonly maxPixels: number;
  readonly maxSide: number;
  /** Of all masks that are drawn on one photograph. */
  readonly maxMaskPixels: number;
}

/** Pixels that may be decoded or wait to be, over all requests and all lanes. */
export class PixelBudget {
  readonly #max: number;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Books pixels, any number when there are none yet. Returns what gives them back, or undefined. */
  take(pixels: number): (() => void) | undefined {
    if (this.#taken > 0 && this.#taken + pixels > this.#max) return undefined;
    this.#taken += pixels;
    return () => {
      this.#taken -= pixels;
    };
  }

  get taken(): number {
    return this.#taken;
  }
}

/** Looks at what an image declares to be, and books its pixels, before it may queue. */
class Admission {
  readonly #limits: ImageLimits;
  readonly #budget: PixelBudget;

  constructor(limits: ImageLimits, budget: PixelBudget) {
    this.#limits = limits;
    this.#budget = budget;
  }

  /**
   * Runs `work` on an image, whose pixels are booked meanwhile.
   * @param work is told how many bytes decoding takes.
   * @throws SamError `image-too-large`, `image-unreadable`, `overloaded`
   */
  async during<T>(
    image: Uint8Array,
    { retryAfter }: { readonly retryAfter: number },
    work: (bytes: number) => Promise<T>,
  ): Promise<T> {
    const pixels = this.#pixelsOf(image);
    const release = this.#budget.take(pixels);
    if (!release) throw new SamError('overloaded', 'too many pixels are under way', { retryAfter });
    try {
      return await work(pixels * BYTES_PER_PIXEL);
    } finally {
      release();
    }
  }

  /** Bytes that decoding an image takes. @throws SamError `image-too-large`, `image-unreadable` */
  bytesOf(image: Uint8Array): number {
    return this.#pixelsOf(image) * BYTES_PER_PIXEL;
  }

  #pixelsOf(image: Uint8Array): number {
    const declared = declaredSize(image);
    // An image that hides its size is booked with the most pixels that decoding lets pass.
    if (!declared) return this.#limits.maxPixels;
    checkSize(declared, this.#limits);
    return declared.width * declared.height;
  }
}

/** Before the lane that encodes. */
export class ImageAdmission implements ImageLane {
  readonly #lane: ImageLane;
  readonly #admission: Admission;

  constructor(lane: ImageLane, limits: ImageLimits, budget: PixelBudget) {
    this.#lane = lane;
    this.#admission = new Admission(limits, budget);
  }

  get retryAfter(): number {
    return this.#lane.retryAfter;
  }

  /** @throws SamError `image-too-large`, `image-unreadable`, `overloaded`, and what the lane throws */
  encode(image: Uint8Array, caller?: Caller): Promise<Encoded> {
    return this.#admission.during(image, this.#lane, (bytes) =>
      this.#lane.encode(image, caller, bytes),
    );
  }

  /** As `encode` does first. @throws SamError `image-too-large`, `image-unreadable` */
  check(image: Uint8Array): void {
    this.#admission.bytesOf(image);
  }

  /** Of an image that was let in before; one at a time, whenever nothing else is to be done. */
  encodeCrop(task: CropTask, caller: Caller): Promise<Encoded> {
    return this.#lane.encodeCrop(task, caller, this.#admission.bytesOf(task.image));
  }
}

/** Before the lane that makes pictures. */
export class PictureAdmission implements PictureMaker {
  readonly #maker: PictureMaker;
  readonly #limits: ImageLimits;
  readonly #admission: Admission;

  constructor(maker: PictureMaker, limits: ImageLimits, budget: PixelBudget) {
    this.#maker = maker;
    this.#limits = limits;
    this.#admission = new Admission(limits, budget);
  }

  get retryAfter(): number {
    return this.#maker.retryAfter;
  }

  /** @throws SamError `masks-too-large`, `image-too-large`, `image-unreadable`, `overloaded`, and what the lane throws */
  async draw(task: PictureTask, caller?: Caller): Promise<readonly Uint8Array[]> {
    if (task.kind === 'overlay') this.#checkMasks(task.masks);
    return this.#admission.during(task.image, this.#maker, (bytes) =>
      this.#maker.draw(task, caller, bytes),
    );
  }

  #checkMasks(masks: readonly DrawnMask[]): void {
    const drawn = masks.reduce((sum, { area }) => sum + area, 0);
    const { maxMaskPixels } = this.#limits;
    if (drawn <= maxMaskPixels) return;
    const message = `the masks have ${drawn} pixels to draw, more than the ${maxMaskPixels} allowed`;
    throw new SamError('masks-too-large', message);
  }
}

function checkSize({ width, height }: ImageSize, { maxPixels, maxSide }: ImageLimits): void {
  if (width === 0 || height === 0)
    throw new SamError('image-unreadable', 'the image has no pixels');
  const most =
    Math.max(width, height) > maxSide
      ? `${maxSide} a side`
      : width * height > maxPixels
        ? `${maxPixels} in all`
        : undefined;
  if (!most) return;
  const message = `the image has ${width}x${height} pixels, more than the ${most} allowed`;
  throw new SamError('image-too-large', message);
}
