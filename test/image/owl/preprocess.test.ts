import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import type { RgbImage } from '#src/core/image.js';
import { decodeImage } from '#src/image/decode.js';
import { toDetectorInput } from '#src/image/owl/preprocess.js';
import { expected, misfit, referencePath, skip } from '../../owl/fixtures/reference.js';

/** CLIP's. */
const CHANNELS = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};
const PLAIN = { mean: [0, 0, 0], std: [1, 1, 1] };
const CASES = [
  { name: '240', imageSize: 240, padding: 0 },
  { name: '960', imageSize: 960, padding: 0 },
  { name: '240, padded with 0.5 (transformers until late 2025)', imageSize: 240, padding: 0.5 },
];

t.test('pictures are those of the reference', { skip }, async (t) => {
  for (const [file, { pixels, ...photo }] of Object.entries(expected().photos)) {
    const image = await decodeImage(readFileSync(referencePath(file)), { maxPixels: 1e8 });
    t.same([image.width, image.height], [photo.width, photo.height]);
    t.equal(createHash('sha256').update(image.data).digest('hex'), photo.rgb_sha256, file);
    for (const { name, imageSize, padding } of CASES) {
      const values = toDetectorInput(image, { imageSize, padding, ...CHANNELS });
      const { points, mean, std, ...sampled } = pixels[name] as NonNullable<
        (typeof pixels)[string]
      >;
      t.ok(misfit(values, sampled, 1e-4) <= 1, `${file} at ${name}`);
      for (const [c, wanted] of mean.entries()) {
        const plane = values.subarray(c * imageSize ** 2, (c + 1) * imageSize ** 2);
        const found = plane.reduce((sum, value) => sum + value, 0) / plane.length;
        const spread = plane.reduce((sum, value) => sum + (value - found) ** 2, 0) / plane.length;
        t.ok(Math.abs(found - wanted) <= 1e-4, `${file} at ${name}: mean of channel ${c}`);
        t.ok(Math.abs(Math.sqrt(spread) - (std[c] as number)) <= 1e-4, `its deviation`);
      }
      const differences = points.map(([c, y, x, value]) =>
        Math.abs((values[(c * imageSize + y) * imageSize + x] as number) - value),
      );
      t.ok(Math.max(...differences) <= 1e-4, `${file} at ${name}: ${Math.max(...differences)}`);
    }
  }
});

function drawn(width: number, height: number, colour: (x: number, y: number) => number): RgbImage {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) for (let c = 0; c < 3; c++) data[at++] = colour(x, y);
  }
  return { width, height, data };
}

t.test('a picture of the right size only becomes numbers', async (t) => {
  const image = drawn(4, 4, (x, y) => 16 * y + x);
  const values = toDetectorInput(image, { imageSize: 4, padding: 0, ...PLAIN });
  const right = Array.from({ length: 16 }, (_, at) => (16 * (at >> 2) + (at & 3)) / 255);
  t.ok(values.subarray(16, 32).every((value, i) => Math.abs(value - (right[i] as number)) < 1e-6));
});

t.test('one colour stays, and so does the padding behind its blurred edge', async (t) => {
  const wide = drawn(400, 100, () => 255);
  for (const padding of [0, 0.5]) {
    const values = toDetectorInput(wide, { imageSize: 40, padding, ...PLAIN });
    const column = Array.from({ length: 40 }, (_, y) => values[y * 40 + 20] as number);
    t.ok(column.slice(0, 6).every((value) => Math.abs(value - 1) < 1e-4));
    t.ok(column.slice(14).every((value) => Math.abs(value - padding) < 1e-4));
    t.ok(Math.abs((column[9] as number) + (column[10] as number) - 1 - padding) < 1e-3);
  }
  const values = toDetectorInput(wide, { imageSize: 40, ...PLAIN });
  t.ok(
    values.every((value) => Math.abs(value - 1) < 1e-4),
    'stretched, it has no padding',
  );
});

t.test('slivers and single pixels have their place', async (t) => {
  for (const [width, height] of [
    [1, 1],
    [3000, 1],
    [1, 3000],
    [2, 1],
  ] as const) {
    const values = toDetectorInput(
      drawn(width, height, () => 255),
      { imageSize: 32, padding: 0, ...PLAIN },
    );
    t.ok(
      values.every((value) => value >= -1e-6 && value <= 1 + 1e-5),
      `${width}x${height}`,
    );
    t.ok(values.some((value) => value > 0.001));
  }
});
