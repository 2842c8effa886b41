import { readFileSync } from 'node:fs';
import type { ImageSize, RgbImage } from '../../core/image.js';
import { triangleKernel } from './kernel.js';

/** What `passes.wat` exports. Addresses are in its memory. */
interface Passes {
  row(
    input: number,
    output: number,
    width: number,
    starts: number,
    lengths: number,
    weights: number,
    taps: number,
  ): void;
  column(
    ring: number,
    mask: number,
    stride: number,
    first: number,
    length: number,
    weights: number,
    output: number,
  ): void;
}

const PAGE = 2 ** 16;
const memory = new WebAssembly.Memory({ initial: 1 });
const code = new WebAssembly.Module(readFileSync(new URL('passes.wasm', import.meta.url)));
const { exports } = new WebAssembly.Instance(code, { env: { memory } });
const passes = exports as unknown as Passes;

/**
 * Resizes as `PIL.Image.resize(size, BILINEAR)` does, to the bit: a triangle as wide as the scale when
 * shrinking, two neighbours when enlarging; rows first, then columns, each rounded to 8 bits.
 */
export function resizeBilinear(image: RgbImage, { width, height }: ImageSize): RgbImage {
  if (width === image.width && height === image.height) return image;
  const across = triangleKernel(image.width, width);
  const down = triangleKernel(image.height, height);
  const memory = new Allotment();
  const input = memory.room(3 * image.width + 1);
  const [starts, lengths, weights] = [across.starts, across.lengths, across.weights].map((all) =>
    memory.put(all),
  ) as [number, number, number];
  const downWeights = memory.put(down.weights);
  // As many rows as one of the result sees lie in a ring, which stays in the cache.
  const slots = 2 ** Math.ceil(Math.log2(down.taps));
  const stride = aligned(3 * width + 1);
  const ring = memory.room(slots * stride);
  const output = memory.room(stride);
  const bytes = memory.bytes();

  const data = new Uint8Array(3 * width * height);
  let done = 0;
  for (let y = 0; y < height; y++) {
    const first = down.starts[y] as number;
    const length = down.lengths[y] as number;
    for (; done < first + length; done++) {
      const at = 3 * image.width * done;
      bytes.set(image.data.subarray(at, at + 3 * image.width), input);
      const slot = ring + (done % slots) * stride;
      passes.row(input, slot, width, starts, lengths, weights, across.taps);
    }
    const rowWeights = downWeights + 4 * down.taps * y;
    passes.column(ring, slots - 1, stride, first, length, rowWeights, output);
    data.set(bytes.subarray(output, output + 3 * width), 3 * width * y);
  }
  return { data, width, height };
}

/** Places in the memory of `passes.wat`, which is used anew by each image and only ever grows. */
class Allotment {
  #end = 0;
  readonly #arrays: [at: number, values: Int32Array][] = [];

  /** @returns the address of so many bytes. */
  room(bytes: number): number {
    const at = this.#end;
    this.#end += aligned(bytes);
    return at;
  }

  /** @returns the address where the values will be. */
  put(values: Int32Array): number {
    const at = this.room(values.byteLength);
    this.#arrays.push([at, values]);
    return at;
  }

  /** The memory, with room for all that was asked for, and with what was put there. */
  bytes(): Uint8Array {
    const missing = this.#end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    for (const [at, values] of this.#arrays) {
      new Int32Array(memory.buffer, at, values.length).set(values);
    }
    return new Uint8Array(memory.buffer);
  }
}

/** In steps of what is read at once. */
function aligned(bytes: number): number {
  return 16 * Math.ceil(bytes / 16);
}
