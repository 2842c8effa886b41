import t from 'tap';
import { normalise, toModelSize } from '#src/image/preprocess.js';

const manifest = {
  image_size: 8,
  pixel_mean: [100, 50, 0],
  pixel_std: [10, 5, 2],
} as const;

t.test('planes, normalised, padded right and bottom', async (t) => {
  // 2x1 pixels grow to 8x4.
  const image = { width: 2, height: 1, data: Uint8Array.from([110, 60, 4, 110, 60, 4]) };
  const input = normalise(toModelSize(image, manifest.image_size), manifest);
  t.equal(input.length, 3 * 8 * 8);
  const at = (channel: number, x: number, y: number) => input[(channel * 8 + y) * 8 + x];
  // (110-100)/10, (60-50)/5, (4-0)/2
  t.same([at(0, 0, 0), at(1, 0, 0), at(2, 0, 0)], [1, 2, 2]);
  t.same([at(0, 7, 3), at(1, 7, 3), at(2, 7, 3)], [1, 2, 2]);
  t.same([at(0, 0, 4), at(1, 3, 5), at(2, 7, 7)], [0, 0, 0], 'padding is zero after normalising');
});

t.test('a sliver keeps a pixel', async (t) => {
  const image = { width: 1, height: 5000, data: new Uint8Array(15000).fill(110) };
  const input = normalise(toModelSize(image, manifest.image_size), manifest);
  t.same([input[0], input[1], input[7 * 8]], [1, 0, 1]);
});
