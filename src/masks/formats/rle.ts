import type { ImageSize } from '../../core/image.js';
import type { PackedRunLengths, RunLengths } from '../../core/masks/run-lengths.js';

/** Five bits of a value travel in a character; the sixth says that more follow. */
const GROUP = 32;
const CONTINUES = 32;
const SIGN = 16;
/** Keeps every character printable. */
const FIRST_CHARACTER = 48;

/**
 * COCO's compressed form of run lengths, the string that pycocotools calls `counts`: each run from the
 * third on as its difference to the run two before, in groups of five bits, lowest first.
 */
export function compress(counts: RunLengths): string {
  let text = '';
  for (const [i, count] of counts.entries()) {
    let rest = i > 2 ? count - (counts[i - 2] as number) : count;
    for (let more = true; more; ) {
      // Differences may be negative: the remainder is that of two's complement.
      const bits = ((rest % GROUP) + GROUP) % GROUP;
      rest = (rest - bits) / GROUP;
      // The sign bit of the last group stands for all higher bits.
      more = bits & SIGN ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(FIRST_CHARACTER + bits + (more ? CONTINUES : 0));
    }
  }
  return text;
}

/** The runs that `compress` wrote. */
export function decompress(text: string): number[] {
  const counts: number[] = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    let weight = 1;
    for (let more = true; more; weight *= GROUP) {
      const character = text.charCodeAt(at++) - FIRST_CHARACTER;
      const bits = character % GROUP;
      more = character >= CONTINUES;
      value += (more || !(bits & SIGN) ? bits : bits - GROUP) * weight;
    }
    const i = counts.length;
    counts.push(i > 2 ? value + (counts[i - 2] as number) : value);
  }
  return counts;
}

/** As `decompress`, from the string's bytes: a mask of very many runs takes no more than four bytes for each. */
export function readRuns(text: Uint8Array): PackedRunLengths {
  const length = text.reduce((sum, byte) => sum + (byte - FIRST_CHARACTER < CONTINUES ? 1 : 0), 0);
  const runs = new Uint32Array(length);
  let at = 0;
  for (let i = 0; i < length; i++) {
    let value = 0;
    let weight = 1;
    for (let more = true; more; weight *= GROUP) {
      const character = (text[at++] as number) - FIRST_CHARACTER;
      const bits = character % GROUP;
      more = character >= CONTINUES;
      value += (more || !(bits & SIGN) ? bits : bits - GROUP) * weight;
    }
    runs[i] = i > 2 ? value + (runs[i - 2] as number) : value;
  }
  return runs;
}

/** Runs of an image of one number a pixel, row by row; what is above `most` is inside. */
export function fromImage(
  pixels: Uint8Array | Uint16Array,
  { width, height }: ImageSize,
  most = 127,
): number[] {
  const counts: number[] = [];
  let start = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const inside = (pixels[y * width + x] as number) > most;
      if (inside !== (counts.length % 2 === 1)) {
        counts.push(x * height + y - start);
        start = x * height + y;
      }
    }
  }
  counts.push(width * height - start);
  return counts;
}

/** A mask as an image: 255 inside and 0 outside, row by row. */
export function toImage(counts: RunLengths, { width, height }: ImageSize): Uint8Array {
  const image = new Uint8Array(width * height);
  let x = 0;
  let y = 0;
  for (const [i, count] of counts.entries()) {
    const value = i % 2 === 0 ? 0 : 255;
    for (let left = count; left > 0; left--) {
      image[y * width + x] = value;
      if (++y < height) continue;
      y = 0;
      x++;
    }
  }
  return image;
}
