import type { DetectorFeatures, DetectorOutput } from '../core/find/detection.js';
import type { ImageSize } from '../core/image.js';
import type { Box } from '../core/prompt.js';
import { BYTES_PER_ELEMENT, type Dtype, readFloats, writeFloats } from '../core/tensors/tensor.js';

/** Of a row of `proposals`. */
const [BOX, SHIFT, SCALE, OBJECTNESS, LENGTH] = [0, 4, 5, 6, 7];
const COLUMNS = 8;
/** Is added to a vector's length before it is divided by it, as the original does. */
export const EPSILON = 1e-6;

/**
 * What is to be kept of a detector's output, in memory that threads share.
 * @param dtype of the class vectors. Boxes and all other numbers stay in 32 bits: 16 would be half a pixel off in a large
 *   picture.
 */
export function toFeatures(output: DetectorOutput, dtype: Dtype): DetectorFeatures {
  const { classEmbeds, boxes, logitShift, logitScale, objectness } = output;
  const patches = logitShift.length;
  const width = classEmbeds.length / patches;
  const units = new Float32Array(classEmbeds.length);
  const proposals = new Float32Array(patches * COLUMNS);
  for (let patch = 0; patch < patches; patch++) {
    const row = classEmbeds.subarray(patch * width, (patch + 1) * width);
    const length = lengthOf(row);
    for (let c = 0; c < width; c++) {
      units[patch * width + c] = (row[c] as number) / (length + EPSILON);
    }
    const at = patch * COLUMNS;
    proposals.set(boxes.subarray(4 * patch, 4 * patch + 4), at + BOX);
    proposals[at + SHIFT] = logitShift[patch] as number;
    proposals[at + SCALE] = logitScale[patch] as number;
    proposals[at + OBJECTNESS] = objectness?.[patch] ?? Number.NaN;
    proposals[at + LENGTH] = length;
  }
  return {
    class_embeds: tensor(units, [patches, width], dtype),
    proposals: tensor(proposals, [patches, COLUMNS], 'float32'),
  };
}

function tensor(data: Float32Array, shape: readonly number[], dtype: Dtype) {
  const buffer = new SharedArrayBuffer(data.length * BYTES_PER_ELEMENT[dtype]);
  return { dtype, shape, bytes: writeFloats(data, dtype, buffer) };
}

export function lengthOf(vector: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += (vector[i] as number) ** 2;
  return Math.sqrt(sum);
}

/** The features of a picture, ready for queries. */
export class Features {
  readonly patches: number;
  /** Of a class vector, and of the queries. */
  readonly width: number;
  /** [P,C], each row of length 1. */
  readonly units: Float32Array;
  readonly #proposals: Float32Array;

  constructor({ class_embeds, proposals }: DetectorFeatures) {
    const [patches = 0, width = 0] = class_embeds.shape;
    this.patches = patches;
    this.width = width;
    this.units = readFloats(class_embeds.bytes, class_embeds.dtype);
    this.#proposals = readFloats(proposals.bytes, proposals.dtype);
  }

  /** The logit of a patch for a query that is as near to it as `cosine` says. */
  logit(patch: number, cosine: number): number {
    return (cosine + this.#at(patch, SHIFT)) * this.#at(patch, SCALE);
  }

  /** The logit that a patch holds anything; NaN where the detector does not say. */
  objectness(patch: number): number {
    return this.#at(patch, OBJECTNESS);
  }

  /** A patch's class vector as the detector gave it, but for rounding. */
  classEmbed(patch: number): Float32Array {
    const length = this.#at(patch, LENGTH) + EPSILON;
    const row = this.units.subarray(patch * this.width, (patch + 1) * this.width);
    return row.map((value) => value * length);
  }

  /**
   * What a patch proposes, in pixels. It may reach out of the image, or lie beside it.
   * @param isPadded whether the detector sees the image at the upper left of a square, or stretched to one.
   */
  box(patch: number, { width, height }: ImageSize, isPadded: boolean): Box {
    const [cx, cy, w, h] = [0, 1, 2, 3].map((side) => this.#at(patch, BOX + side)) as [
      number,
      number,
      number,
      number,
    ];
    const [x, y] = isPadded ? [Math.max(width, height), Math.max(width, height)] : [width, height];
    return [(cx - w / 2) * x, (cy - h / 2) * y, (cx + w / 2) * x, (cy + h / 2) * y];
  }

  #at(patch: number, column: number): number {
    return this.#proposals[patch * COLUMNS + column] as number;
  }
}
