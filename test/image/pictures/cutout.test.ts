import sharp from 'sharp';
import t from 'tap';
import { cutOut } from '#src/image/pictures/cutout.js';
import { runsOf } from '../../fixtures/bitmap.js';

t.test('what lies inside is as opaque as it was', async (t) => {
  const [width, height] = [9, 7];
  const data = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i * 37) % 256);
  const inside = (x: number, y: number) => x > 1 && x < 7 && y > 2 && y % 2 === 0;
  const runs = Uint32Array.from(runsOf(width, height, inside));
  const pixels = await sharp(await cutOut({ width, height, data }, runs))
    .raw()
    .toBuffer();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 4;
      const expected = inside(x, y) ? [...data.subarray(at, at + 4)] : [0, 0, 0, 0];
      t.same([...pixels.subarray(at, at + 4)], expected, `${x},${y}`);
    }
  }
});
