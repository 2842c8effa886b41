import sharp from 'sharp';
import t from 'tap';
import type { PngMask, Rle, UncompressedRle } from '../../src/core/mask.js';
import type { MaskOptions } from '../../src/core/ports.js';
import { readFloats } from '../../src/core/tensor.js';
import { makeMask } from '../../src/masks/mask.js';
import { decompress, toImage } from '../../src/masks/rle.js';

const image = { width: 120, height: 70 };
const logits = Float32Array.from({ length: 256 * 256 }, (_, i) => {
  const [x, y] = [i % 256, Math.floor(i / 256)];
  return 4 - Math.hypot(x - 130, y - 60) / 10;
});

const make = (format: MaskOptions['format'], dtype?: 'float16' | 'float32') =>
  makeMask(logits, 0.9, image, 1024, { format, logits: dtype });

t.test('all formats hold the same mask', async (t) => {
  const plain = await make('uncompressed_rle');
  const { counts } = plain.segmentation as UncompressedRle;
  t.same(plain.segmentation.size, [70, 120], 'height first');
  t.equal(plain.predicted_iou, 0.9);
  t.ok(plain.area > 1000 && plain.area < 7000, `${plain.area} pixels`);

  const { segmentation } = await make('rle');
  t.same(decompress((segmentation as Rle).counts), counts);

  const { png } = (await make('png')).segmentation as PngMask;
  const file = Buffer.from(png, 'base64');
  t.match(await sharp(file).metadata(), { width: 120, height: 70, channels: 1, depth: 'uchar' });
  const data = await sharp(file).toColourspace('b-w').raw().toBuffer();
  t.same([...data], [...toImage(counts, image)]);
});

t.test('logits come only when asked for', async (t) => {
  t.notOk('low_res_logits' in (await make('rle')));
  const full = (await make('rle', 'float32')).low_res_logits;
  t.same(readFloats(Buffer.from(full?.data ?? '', 'base64'), 'float32'), logits);
  const half = (await make('rle', 'float16')).low_res_logits;
  t.equal(half?.dtype, 'float16');
  const floats = readFloats(Buffer.from(half?.data ?? '', 'base64'), 'float16');
  const error = floats.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (logits[i] as number))),
    0,
  );
  // Half of the last of eleven bits of a number below 32.
  t.ok(error <= 32 / 2 ** 12, `${error}`);
});
