import type { ImageSize } from '../../core/image.js';
import type { RunLengths } from '../../core/masks/run-lengths.js';
import { toImage } from './rle.js';

/** Label Studio masks are RGBA. */
const CHANNELS = 4;
const WORD_BITS = 8;
/** Bits in which lengths of runs are written; a run takes the first they fit. */
const LENGTH_BITS = [3, 4, 8, 16] as const;
const LONGEST = 2 ** 16;

/**
 * The run-length encoding that Label Studio keeps brush masks in, byte for byte as its converter writes it:
 * the image's pixels row by row, each 0 or 255 in four channels, as a stream of bits. The stream begins with the
 * number of values (32 bits), the word size (5) and the four sizes of lengths (4 each), all but the first less
 * one; then come runs: the bit 1, which size (2), the length less one, and the value (8).
 */
export function toLabelStudio(counts: RunLengths, image: ImageSize): number[] {
  const bits = new BitWriter();
  bits.write(image.width * image.height * CHANNELS, 32);
  bits.write(WORD_BITS - 1, 5);
  for (const size of LENGTH_BITS) bits.write(size - 1, 4);
  const pixels = toImage(counts, image);
  for (let start = 0; start < pixels.length; ) {
    const value = pixels[start] as number;
    let end = start + 1;
    while (end < pixels.length && pixels[end] === value) end++;
    writeRun(bits, (end - start) * CHANNELS, value);
    start = end;
  }
  return bits.finish();
}

function writeRun(bits: BitWriter, length: number, value: number): void {
  for (let left = length; left > 0; left -= LONGEST) {
    const part = Math.min(left, LONGEST);
    // What is left of a run that was split keeps its size.
    const size = length > LONGEST ? 3 : LENGTH_BITS.findIndex((width) => part <= 2 ** width);
    bits.write(1, 1);
    bits.write(size, 2);
    bits.write(part - 1, LENGTH_BITS[size] as number);
    bits.write(value, WORD_BITS);
  }
}

/** Writes numbers bit by bit, the most significant first. */
class BitWriter {
  readonly #bytes: number[] = [];
  #byte = 0;
  #free = 8;

  write(value: number, width: number): void {
    for (let left = width; left > 0; ) {
      const take = Math.min(left, this.#free);
      left -= take;
      this.#free -= take;
      this.#byte |= (Math.floor(value / 2 ** left) % 2 ** take) << this.#free;
      if (this.#free === 0) this.#flush();
    }
  }

  /** Fills up with zeros; an encoding that ends on a byte gets one more, as the converter's do. */
  finish(): number[] {
    this.#flush();
    return this.#bytes;
  }

  #flush(): void {
    this.#bytes.push(this.#byte);
    this.#byte = 0;
    this.#free = 8;
  }
}
