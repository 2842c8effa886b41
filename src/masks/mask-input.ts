import { dataUriHead } from '../core/bytes/data-uri.js';
import { violation } from '../core/errors.js';
import { type Frame, sizeInFrame } from '../core/family/frame.js';
import type { ImageSize } from '../core/image.js';
import type { LowResLogits, Rle, RleCounts } from '../core/mask.js';
import { LOW_RES_LOGITS, LOW_RES_SIDE } from '../core/masks/low-res-mask.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import type { MaskInput } from '../core/prompt.js';
import { BYTES_PER_ELEMENT, readFloats } from '../core/tensors/tensor.js';
import { type Strip, stripsOf } from './components.js';
import { decodePng } from './formats/png.js';
import { decompress } from './formats/rle.js';

/** Run lengths, or characters of them, that a mask may have: no mask of a network comes near. */
const MAX_RUNS = 4 * 2 ** 20;
/** How sure a mask without logits is taken to be of its pixels: logits are at most ln(999), about 6.9. */
const DOUBT = 1e-3;

/**
 * The logits [256,256] that a `mask_input` stands for.
 * @param image size of the oriented image. @param frame the square that the model sees.
 * @param path of the field, for errors. @param alone whether nothing else of the prompt says where the object is.
 * @throws SamError `prompt-invalid` when it is not 256x256 finite numbers, or not a mask of the image's size, or has no
 *   pixel inside and stands alone
 */
export async function readMaskInput(
  input: MaskInput,
  image: ImageSize,
  frame: Frame,
  path: string,
  alone = false,
): Promise<Float32Array> {
  if ('data' in input) return readLogits(input, `${path}/data`);
  if ('bytes' in input) return readFloats(input.bytes, input.dtype);
  if ('token' in input) throw new Error('the token was to be resolved before');
  const counts = await ('png' in input
    ? readPng(input.png, image, `${path}/png`)
    : checkedRuns(input, image, path));
  if (alone && !counts.some((count, i) => i % 2 && count > 0)) {
    const message = `has no pixel inside, and nothing else says where the object is: ${WHAT_IS_INSIDE}, or add points or a box`;
    throw violation('prompt-invalid', path, message);
  }
  return toLogits(counts, image, frame);
}

const WHAT_IS_INSIDE =
  'send counts whose second run is not empty, or a PNG with the object white on black or opaque on transparent ground';

async function readPng(text: string, image: ImageSize, path: string): Promise<readonly number[]> {
  const file = Buffer.from(text.slice(dataUriHead(text)), 'base64');
  const counts = await decodePng(file, image);
  if (counts) return counts;
  const size = `${image.width}x${image.height}`;
  throw violation(
    'prompt-invalid',
    path,
    `must be base64 of a PNG of ${size} pixels, plain or as a data URI`,
  );
}

function checkedRuns(
  { size, counts }: Rle | RleCounts,
  image: ImageSize,
  path: string,
): readonly number[] {
  if (size[0] !== image.height || size[1] !== image.width) {
    throw violation(
      'prompt-invalid',
      `${path}/size`,
      `must be that of the image, [${image.height}, ${image.width}]`,
    );
  }
  const pixels = image.width * image.height;
  // Each run has a pixel, but perhaps the first, and takes no more characters or numbers than that.
  const most = Math.min(MAX_RUNS, typeof counts === 'string' ? 7 * (pixels + 1) : pixels + 1);
  if (counts.length > most) {
    throw violation(
      'prompt-invalid',
      `${path}/counts`,
      `must be run lengths of ${pixels} pixels, ${most} at most`,
    );
  }
  const runs = typeof counts === 'string' ? decompress(counts) : counts;
  const whole = runs.every((run) => Number.isSafeInteger(run) && run >= 0);
  const sum = runs.reduce((total, run) => total + run, 0);
  if (!whole || sum !== pixels) {
    throw violation('prompt-invalid', `${path}/counts`, `must be run lengths of ${pixels} pixels`);
  }
  return runs;
}

function readLogits({ dtype, data }: LowResLogits, path: string): Float32Array {
  const bytes = Buffer.from(data, 'base64');
  const expected = LOW_RES_LOGITS * BYTES_PER_ELEMENT[dtype];
  // The decoder skips what is not base64, so the length of the text has to fit as well.
  if (bytes.length !== expected || data.length !== Math.ceil(expected / 3) * 4) {
    throw violation(
      'prompt-invalid',
      path,
      `must be base64 of 256x256 ${dtype} numbers, ${expected} bytes`,
    );
  }
  const logits = readFloats(bytes, dtype);
  if (!logits.every(Number.isFinite))
    throw violation('prompt-invalid', path, 'must hold finite numbers only');
  return logits;
}

/**
 * Logits for a mask that has none: where a logit's place in the image is covered to a share c, ln(c / (1 - c)).
 */
function toLogits(counts: RunLengths, image: ImageSize, frame: Frame): Float32Array {
  const inside = sizeInFrame(image, frame);
  const scale = LOW_RES_SIDE / frame.side;
  const scaleX = (scale * inside.width) / image.width;
  const scaleY = (scale * inside.height) / image.height;
  const covered = new Float32Array(LOW_RES_LOGITS);
  for (const strip of stripsOf(counts, image.height, 'inside')) {
    cover(covered, strip, scaleX, scaleY);
  }
  return covered.map((share) => {
    const c = Math.min(Math.max(share, DOUBT), 1 - DOUBT);
    return Math.log(c / (1 - c));
  });
}

/** Adds what a strip covers of each logit's place. */
function cover(
  covered: Float32Array,
  { x, from, to }: Strip,
  scaleX: number,
  scaleY: number,
): void {
  const [left, right] = [x * scaleX, (x + 1) * scaleX];
  const [top, bottom] = [from * scaleY, to * scaleY];
  for (let column = Math.floor(left); column < Math.min(right, LOW_RES_SIDE); column++) {
    const wide = Math.min(right, column + 1) - Math.max(left, column);
    for (let row = Math.floor(top); row < Math.min(bottom, LOW_RES_SIDE); row++) {
      const high = Math.min(bottom, row + 1) - Math.max(top, row);
      covered[row * LOW_RES_SIDE + column] =
        (covered[row * LOW_RES_SIDE + column] as number) + wide * high;
    }
  }
}
