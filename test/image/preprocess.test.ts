import t from 'tap';
import { toModelSize } from '#src/image/preprocess.js';

t.test("the longest side becomes the model's", async (t) => {
  const image = { width: 2, height: 1, data: Uint8Array.from([110, 60, 4, 110, 60, 4]) };
  const { data, width, height } = toModelSize(image, 8);
  t.strictSame([width, height, data.length], [8, 4, 8 * 4 * 3]);
  t.ok(data.every((value, i) => value === image.data[i % 3]));
});

t.test('a sliver keeps a pixel', async (t) => {
  const image = { width: 1, height: 5000, data: new Uint8Array(15000).fill(110) };
  const { data, width, height } = toModelSize(image, 8);
  t.strictSame([width, height], [1, 8]);
  t.ok(data.every((value) => value === 110));
});
