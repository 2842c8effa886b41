import { SamError } from '../core/errors.js';
import type { ImageSize } from '../core/image.js';
import type { CropTask, CutoutTask, Encoded, ImageLane, OverlayTask } from '../core/ports.js';
import { declaredSize } from '../image/declared-size.js';

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

  checkRoom(): void {
    this.#lane.checkRoom();
  }

  /** @throws SamError `image-too-large`, `image-unreadable`, `overloaded`, and what the lane throws */
  async encode(image: Uint8Array, signal?: AbortSignal): Promise<Encoded> {
    const release = this.#book(image);
    try {
      return await this.#lane.encode(image, signal);
    } finally {
      release();
    }
  }

  /** @throws SamError `masks-too-large`, and as `encode` */
  async overlay(task: OverlayTask, signal?: AbortSignal): Promise<Uint8Array> {
    const drawn = task.masks.reduce((sum, { area }) => sum + area, 0);
    const { maxMaskPixels } = this.#limits;
    if (drawn > maxMaskPixels) {
      const message = `the masks have ${drawn} pixels to draw, more than the ${maxMaskPixels} allowed`;
      throw new SamError('masks-too-large', message);
    }
    const release = this.#book(task.image);
    try {
      return await this.#lane.overlay(task, signal);
    } finally {
      release();
    }
  }

  /** Of an image that was let in before; one at a time, whenever nothing else is to be done. */
  encodeCrop(task: CropTask, signal: AbortSignal): Promise<Encoded> {
    return this.#lane.encodeCrop(task, signal);
  }

  /** @throws as `encode` */
  async cutOut(task: CutoutTask, signal?: AbortSignal): Promise<readonly Uint8Array[]> {
    const release = this.#book(task.image);
    try {
      return await this.#lane.cutOut(task, signal);
    } finally {
      release();
    }
  }

  #book(image: Uint8Array): () => void {
    const declared = declaredSize(image);
    if (declared) checkSize(declared, this.#limits);
    // Whoever hides its size is booked with the most that decoding will let pass.
    const pixels = declared ? declared.width * declared.height : this.#limits.maxPixels;
    const release = this.#budget.take(pixels);
    if (release) return release;
    const { retryAfter } = this.#lane;
    throw new SamError('overloaded', 'too many pixels are under way', { retryAfter });
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
