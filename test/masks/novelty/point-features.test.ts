import t from 'tap';
import { writeFloats } from '#src/core/tensors/tensor.js';
import { featuresAt } from '#src/masks/novelty/point-features.js';

const GRID = 4;
/** Of the first channel the column, of the second ten times the row. */
const floats = Float32Array.from({ length: 2 * GRID * GRID }, (_, i) =>
  i < GRID * GRID ? i % GRID : 10 * Math.floor((i % (GRID * GRID)) / GRID),
);

t.test('an embedding at points of an image', async (t) => {
  // 200x100 pixels fill the upper half of a square of 64: a cell is 50 pixels.
  const image = { width: 200, height: 100 };
  const frame = { side: 64, resize: 'longest_side' } as const;
  const points = Float64Array.of(25, 25, 75, 25, 50, 75, 0, 0, 200, 100);
  for (const dtype of ['float32', 'float16'] as const) {
    const bytes = writeFloats(
      floats,
      dtype,
      new ArrayBuffer(floats.length * (dtype === 'float32' ? 4 : 2)),
    );
    const tensor = { dtype, shape: [1, 2, GRID, GRID], bytes };
    const { values, channels } = featuresAt(tensor, image, frame, points);
    t.equal(channels, 2);
    const read = [0, 0, 1, 0, 0.5, 10, 0, 0, 3, 15];
    const mean = [0.9, 5];
    const centred = read.map((value, i) => value - (mean[i % 2] as number));
    const size = Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0) / 5);
    for (const [i, value] of values.entries()) {
      t.ok(Math.abs(value - (centred[i] as number) / size) < 1e-6, `${dtype} ${i}: ${value}`);
    }
  }
});

t.test('an image that looks the same everywhere', async (t) => {
  const bytes = writeFloats(new Float32Array(32).fill(7), 'float32', new ArrayBuffer(128));
  const tensor = { dtype: 'float32', shape: [1, 2, GRID, GRID], bytes } as const;
  const frame = { side: 64, resize: 'stretch' } as const;
  const { values } = featuresAt(
    tensor,
    { width: 9, height: 9 },
    frame,
    Float64Array.of(1, 1, 8, 8),
  );
  t.same([...values], [0, 0, 0, 0]);
});

t.test('an embedding of one cell', async (t) => {
  const bytes = writeFloats(Float32Array.of(3, 4), 'float32', new ArrayBuffer(8));
  const tensor = { dtype: 'float32', shape: [1, 2, 1, 1], bytes } as const;
  const frame = { side: 64, resize: 'stretch' } as const;
  const image = { width: 9, height: 9 };
  const { values } = featuresAt(tensor, image, frame, Float64Array.of(0, 0, 9, 9));
  t.same([...values], [0, 0, 0, 0]);
});
