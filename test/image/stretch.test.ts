import t from 'tap';
import { stretch } from '#src/image/resize/stretch.js';

const PLAIN = { side: 4, mean: [0, 0, 0], std: [255, 255, 255] };

/** A grey image of these levels, row by row. */
function grey(width: number, levels: readonly number[]) {
  const data = Uint8Array.from(levels.flatMap((level) => [level, level, level]));
  return { width, height: levels.length / width, data };
}

/** The red plane in levels. */
function levels(input: Float32Array): number[] {
  return [...input.subarray(0, input.length / 3)].map((value) => Math.round(value * 255e4) / 1e4);
}

t.test('an image of the size of the square stays as it is', async (t) => {
  const all = Array.from({ length: 16 }, (_, i) => 16 * i);
  t.same(levels(stretch(grey(4, all), PLAIN)), all);
});

t.test('each axis is stretched by itself, and nothing is rounded', async (t) => {
  // 2 columns grow to 4 by their neighbours, 8 rows shrink to 4 by a triangle of 4 rows.
  const rows = [0, 80, 160, 240, 240, 160, 80, 0];
  const input = levels(
    stretch(
      grey(
        2,
        rows.flatMap((level) => [level, level / 2]),
      ),
      PLAIN,
    ),
  );
  // Rows 2i-1 to 2i+2 count 1, 3, 3 and 1 eighths; at the ends 3, 3 and 1 sevenths.
  const down = [
    (3 * 0 + 3 * 80 + 160) / 7,
    (80 + 3 * 160 + 3 * 240 + 240) / 8,
    (240 + 3 * 240 + 3 * 160 + 80) / 8,
    (160 + 3 * 80 + 3 * 0) / 7,
  ];
  const across = [1, 0.875, 0.625, 0.5];
  for (const [y, row] of down.entries()) {
    for (const [x, share] of across.entries()) {
      const off = Math.abs((input[4 * y + x] as number) - row * share);
      t.ok(off <= 1e-3, `${x},${y} is off by ${off}`);
    }
  }
});

t.test('colours are normalised each by its own', async (t) => {
  const image = { width: 1, height: 1, data: Uint8Array.from([110, 60, 4]) };
  const input = stretch(image, { side: 2, mean: [100, 50, 0], std: [10, 5, 2] });
  t.same(
    [...input].map((value) => Math.round(value * 1e4) / 1e4),
    [1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2],
  );
});
