import t from 'tap';
import { nextClick } from '#src/evaluate/next-click.js';
import { noisyBox } from '#src/evaluate/noise.js';
import { trainingClick } from '#src/train/simulated-prompts.js';
import { reference, unpack } from './fixtures/reference.js';

const skip = !reference && 'no reference answers beside this checkout';

t.test('the next click of an evaluation', { skip }, async (t) => {
  for (const example of reference?.clicks ?? []) {
    const { w: width, h: height, about, clicked = [], expected } = example;
    const label = unpack(example.label_counts, width, height);
    const mask = unpack(example.prediction_counts, width, height);
    const click = nextClick(label, mask, { width, height }, clicked);
    t.strictSame(click ?? null, expected, about);
  }
});

t.test('an object of one pixel is clicked, and not twice', async (t) => {
  const image = { width: 3, height: 2 };
  const label = Uint8Array.of(0, 0, 0, 0, 1, 0);
  t.strictSame(nextClick(label, new Uint8Array(6), image), {
    point: [1, 1],
    label: 1,
    area: 1,
    depth2: 1,
  });
  t.equal(nextClick(label, new Uint8Array(6), image, [[1, 1]]), undefined);
});

t.test('a click beside the region takes none of its pixels away', async (t) => {
  const image = { width: 9, height: 4 };
  // Columns 0 and 1; a click in row 0 as far to the right as to the inmost pixel of the next row.
  const label = Uint8Array.from({ length: 36 }, (_, at) => (at % 9 < 2 ? 1 : 0));
  const point = nextClick(label, new Uint8Array(36), image)?.point;
  t.strictSame(point, [0, 0]);
  t.strictSame(nextClick(label, new Uint8Array(36), image, [[0, 0]])?.point, [1, 0]);
  for (let x = 2; x < 9; x++) {
    const clicked = [
      [0, 0],
      [1, 0],
      [x, 0],
    ] as const;
    t.strictSame(nextClick(label, new Uint8Array(36), image, clicked)?.point, [0, 1], `${x}`);
  }
});

t.test('the next click of training', { skip }, async (t) => {
  if (!reference) return;
  const { of, draws, error_pixels } = reference.training_clicks;
  const example = reference.clicks.find(({ about }) => about === of);
  if (!example) throw new Error(`no example "${of}"`);
  const { w, h } = example;
  const wide = (mask: Uint8Array) => {
    const cells = new Uint8Array(256 * 256);
    for (const [i, is] of mask.entries()) cells[Math.floor(i / w) * 256 + (i % w)] = is;
    return cells;
  };
  const label = { rows: h, cols: w, cells: wide(unpack(example.label_counts, w, h)) };
  const logits = Float32Array.from(wide(unpack(example.prediction_counts, w, h)), (is) => is - 0.5);
  const wrong = label.cells.reduce(
    (sum, is, i) => sum + (is === ((logits[i] as number) > 0 ? 1 : 0) ? 0 : 1),
    0,
  );
  t.equal(wrong, error_pixels);
  for (const { u, point, label: kind } of draws) {
    const click = trainingClick(label, logits, u);
    t.strictSame(click, { point: point.map((at) => 4 * at + 1.5), label: kind });
  }
  t.equal(trainingClick({ ...label, cells: new Uint8Array(256 * 256) }, undefined, 0), undefined);
});

t.test('boxes with noise', { skip }, async (t) => {
  for (const { width, height, box, normals, expected } of reference?.noisy_boxes ?? []) {
    const noisy = noisyBox(box, normals, { width, height });
    const off = Math.max(...noisy.map((at, i) => Math.abs(at - (expected[i] as number))));
    t.ok(off <= 1e-12 * 1024, `${off} px off`);
  }
});
