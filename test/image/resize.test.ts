import sharp from 'sharp';
import t from 'tap';
import { type ImageSize, preprocessShape, type RgbImage } from '#src/core/image.js';
import { triangleKernel } from '#src/image/resize/kernel.js';
import { resizeBilinear } from '#src/image/resize/resize.js';
import type { Kernel } from '#src/image/resize/triangle.js';
import { noise, photograph } from '../fixtures/pictures.js';

/** A grey image of these levels. */
function grey(width: number, levels: readonly number[]): RgbImage {
  const data = Uint8Array.from(levels.flatMap((level) => [level, level, level]));
  return { width, height: levels.length / width, data };
}

const levels = ({ data }: RgbImage) => [...data].filter((_, i) => i % 3 === 0);

t.test('worked by hand', async (t) => {
  // Centres of the four outputs lie at 0.25, 0.75, 1.25 and 1.75 of two pixels centred at 0.5 and 1.5:
  // the outer two see one pixel alone, the inner two three quarters of the nearer one.
  t.same(levels(resizeBilinear(grey(2, [0, 100]), { width: 4, height: 1 })), [0, 25, 75, 100]);
  t.same(levels(resizeBilinear(grey(1, [0, 100]), { width: 1, height: 4 })), [0, 25, 75, 100]);
  // Shrinking by two, the triangle reaches two pixels to each side of the centres 1 and 3; its weights at
  // distances 0.5, 0.5 and 1.5 are 0.75, 0.75 and 0.25: (0.75*0 + 0.75*40 + 0.25*80) / 1.75 = 28.57, and
  // (0.25*40 + 0.75*80 + 0.75*120) / 1.75 = 91.43.
  t.same(levels(resizeBilinear(grey(4, [0, 40, 80, 120]), { width: 2, height: 1 })), [29, 91]);
});

t.test('what is flat stays flat, and equal sizes change nothing', async (t) => {
  const flat = grey(31, Array(31 * 17).fill(201));
  t.same(new Set(resizeBilinear(flat, { width: 7, height: 40 }).data), new Set([201]));
  t.same(new Set(resizeBilinear(flat, { width: 100, height: 3 }).data), new Set([201]));
  const image = photograph(50, 40);
  t.same(resizeBilinear(image, { width: 50, height: 40 }).data, image.data);
});

/** The same interpolation in floats, pixel by pixel, without rounding in between. */
function exact(image: RgbImage, size: ImageSize): Float64Array {
  const axis = (from: number, to: number, i: number) => {
    const scale = from / to;
    const reach = Math.max(1, scale);
    const weights = Array.from({ length: from }, (_, at) =>
      Math.max(0, 1 - Math.abs(at + 0.5 - (i + 0.5) * scale) / reach),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return weights.flatMap((weight, at) => (weight > 0 ? [{ at, weight: weight / sum }] : []));
  };
  const out = new Float64Array(size.width * size.height * 3);
  for (let y = 0; y < size.height; y++) {
    const rows = axis(image.height, size.height, y);
    for (let x = 0; x < size.width; x++) {
      const columns = axis(image.width, size.width, x);
      for (let channel = 0; channel < 3; channel++) {
        let value = 0;
        for (const row of rows) {
          for (const column of columns) {
            const at = (row.at * image.width + column.at) * 3 + channel;
            value += row.weight * column.weight * (image.data[at] as number);
          }
        }
        out[(y * size.width + x) * 3 + channel] = value;
      }
    }
  }
  return out;
}

t.test('within rounding of the exact interpolation', async (t) => {
  const image = photograph(91, 67);
  for (const [width, height] of [
    [40, 29],
    [133, 98],
    [91, 20],
    [200, 10],
  ] as const) {
    const expected = exact(image, { width, height });
    const { data } = resizeBilinear(image, { width, height });
    const worst = data.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))),
      0,
    );
    // Half a level for each of the two roundings.
    t.ok(worst <= 1.01, `${width}x${height}: ${worst}`);
  }
});

/** Pillow's passes one number at a time: over the rows, then, of what is 8 bits again, over the columns. */
function inTwoPasses({ data, width: from, height }: RgbImage, size: ImageSize): Uint8Array {
  const pass = (
    input: Uint8Array,
    { taps, starts, lengths, weights }: Kernel<Int32Array>,
    count: number,
    place: (of: number, line: number) => number,
    lines: number,
    out: (of: number, line: number) => number,
  ) => {
    const output = new Uint8Array(count * lines);
    for (let line = 0; line < lines; line++) {
      for (let i = 0; i < count; i++) {
        let sum = 2 ** 21;
        for (let tap = 0; tap < (lengths[i] as number); tap++) {
          const value = input[place((starts[i] as number) + tap, line)] as number;
          sum += value * (weights[i * taps + tap] as number);
        }
        output[out(i, line)] = Math.floor(sum / 2 ** 22);
      }
    }
    return output;
  };
  // Lines are rows of one channel, then columns of one.
  const across = (width: number) => (at: number, line: number) =>
    3 * (width * Math.floor(line / 3) + at) + (line % 3);
  const wide = pass(
    data,
    triangleKernel(from, size.width),
    size.width,
    across(from),
    3 * height,
    across(size.width),
  );
  const down = (at: number, line: number) => 3 * size.width * at + line;
  return pass(wide, triangleKernel(height, size.height), size.height, down, 3 * size.width, down);
}

t.test('to the bit as Pillow, whatever the sizes', async (t) => {
  const edges: [from: ImageSize, to: ImageSize][] = [
    [
      { width: 1, height: 1 },
      { width: 1024, height: 1024 },
    ],
    [
      { width: 1, height: 3000 },
      { width: 1, height: 1024 },
    ],
    [
      { width: 30_000, height: 2 },
      { width: 1024, height: 1 },
    ],
    [
      { width: 1025, height: 9 },
      { width: 1024, height: 9 },
    ],
    [
      { width: 16, height: 300 },
      { width: 16, height: 299 },
    ],
  ];
  const random = noise(7);
  const side = () => 1 + Math.floor(300 * random() ** 2);
  const drawn = Array.from({ length: 40 }, () => [
    { width: side(), height: side() },
    { width: side(), height: side() },
  ]) as typeof edges;
  for (const [from, to] of [...edges, ...drawn]) {
    const data = Uint8Array.from({ length: 3 * from.width * from.height }, () => 256 * random());
    const image = { ...from, data };
    const same = Buffer.compare(resizeBilinear(image, to).data, inTwoPasses(image, to)) === 0;
    t.ok(same, `${from.width}x${from.height} to ${to.width}x${to.height}`);
  }
});

t.test('shrinks as libvips does with a linear kernel', async (t) => {
  const image = photograph(1500, 1100);
  const { width, height } = preprocessShape(image, 1024);
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const options = { kernel: 'linear', fit: 'fill', fastShrinkOnLoad: false } as const;
  const other = await sharp(image.data, { raw }).resize(width, height, options).raw().toBuffer();
  const { data } = resizeBilinear(image, { width, height });
  const mean =
    data.reduce((sum, value, i) => sum + Math.abs(value - (other[i] as number)), 0) / data.length;
  t.ok(mean <= 0.3, `mean difference ${mean}`);
});
