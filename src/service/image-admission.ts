import type { Caller } from '../core/caller.js';
import { SamError } from '../core/errors.js';
import type { ImageSize } from '../core/image.js';
import type { CropTask, CutoutTask, Encoded, ImageLane, OverlayTask } from '../core/ports.js';
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

/** Before the lane: looks at what an image declares to be, and books its pixels, before it may queue. */
export class ImageAdmission implements ImageLane {
  readonly #lane: ImageLane;
  readonly #limits: ImageLimits;
  readonly #budget: PixelBudget;

  constructor(lane: ImageLane, limits: ImageLimits, budget: PixelBudget) {
    this.#lane = lane;
    this.#limits = limits;
    this.#budget = budget;
  }

  get retryAfter(): number {
    return this.#lane.retryAfter;
  }

  checkRoom(caller?: Caller): void {
    this.#lane.checkRoom(caller);
  }

  /** @throws SamError `image-too-large`, `image-unreadable`, `overloaded`, and what the lane throws */
  async encode(image: Uint8Array, caller?: Caller): Promise<Encoded> {
    const { bytes, release } = this.#book(image);
    try {
      return await this.#lane.encode(image, caller, bytes);
    } finally {
      release();
    }
  }

  /** @throws SamError `masks-too-large`, and as `encode` */
  async overlay(task: OverlayTask, caller?: Caller): Promise<Uint8Array> {
    const drawn = task.masks.reduce((sum, { area }) => sum + area, 0);
    const { maxMaskPixels } = this.#limits;
    if (drawn > maxMaskPixels) {
      const message = `the masks have ${drawn} pixels to draw, more than the ${maxMaskPixels} allowed`;
      throw new SamError('masks-too-large', message);
    }
    const { bytes, release } = this.#book(task.image);
    try {
      return await this.#lane.overlay(task, caller, bytes);
    } finally {
      release();
    }
  }

  /** Of an image that was let in before; one at a time, whenever nothing else is to be done. */
  encodeCrop(task: CropTask, caller: Caller): Promise<Encoded> {
    return this.#lane.encodeCrop(task, caller, this.#pixelsOf(task.image) * BYTES_PER_PIXEL);
  }

  /** @throws as `encode` */
  async cutOut(task: CutoutTask, caller?: Caller): Promise<readonly Uint8Array[]> {
    const { bytes, release } = this.#book(task.image);
    try {
      return await this.#lane.cutOut(task, caller, bytes);
    } finally {
      release();
    }
  }

  #book(image: Uint8Array): { bytes: number; release: () => void } {
    const pixels = this.#pixelsOf(image);
    const release = this.#budget.take(pixels);
    if (release) return { bytes: pixels * BYTES_PER_PIXEL, release };
    const { retryAfter } = this.#lane;
    throw new SamError('overloaded', 'too many pixels are under way', { retryAfter });
  }

  /** @throws SamError `image-too-large`, `image-unreadable` */
  #pixelsOf(image: Uint8Array): number {
    const declared = declaredSize(image);
    // An image that hides its size is booked with the most pixels that decoding lets pass.
    if (!declared) return this.#limits.maxPixels;
    checkSize(declared, this.#limits);
    return declared.width * declared.height;
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
