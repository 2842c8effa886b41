import t from 'tap';
import { type ImageSize, preprocessShape } from '#src/core/image.js';
import { toImage } from '#src/masks/formats/rle.js';
import { postprocessMask } from '#src/masks/postprocess.js';

const SIDE = 256;
const FRAME = { side: 1024, resize: 'longest_side' } as const;
/** Where the two ways of adding up floats may fall on different sides of the threshold. */
const TIE = 1e-4;

interface Grid extends ImageSize {
  readonly values: Float64Array;
}

/** Bilinear interpolation as PyTorch defines it, pixel by pixel. */
function interpolate(grid: Grid, { width, height }: ImageSize): Grid {
  const values = new Float64Array(width * height);
  const at = (x: number, y: number) => grid.values[y * grid.width + x] as number;
  for (let y = 0; y < height; y++) {
    const sourceY = Math.max(0, ((y + 0.5) * grid.height) / height - 0.5);
    const top = Math.floor(sourceY);
    const bottom = Math.min(top + 1, grid.height - 1);
    for (let x = 0; x < width; x++) {
      const sourceX = Math.max(0, ((x + 0.5) * grid.width) / width - 0.5);
      const left = Math.floor(sourceX);
      const right = Math.min(left + 1, grid.width - 1);
      const [fx, fy] = [sourceX - left, sourceY - top];
      const upper = at(left, top) * (1 - fx) + at(right, top) * fx;
      const lower = at(left, bottom) * (1 - fx) + at(right, bottom) * fx;
      values[y * width + x] = upper * (1 - fy) + lower * fy;
    }
  }
  return { width, height, values };
}

/** The reference's two steps, each in full. */
function twoSteps(logits: Float32Array, image: ImageSize): Grid {
  const low = { width: SIDE, height: SIDE, values: Float64Array.from(logits) };
  const square = interpolate(low, { width: FRAME.side, height: FRAME.side });
  const frame = preprocessShape(image, FRAME.side);
  const values = new Float64Array(frame.width * frame.height);
  for (let y = 0; y < frame.height; y++) {
    values.set(
      square.values.subarray(y * FRAME.side, y * FRAME.side + frame.width),
      y * frame.width,
    );
  }
  return interpolate({ ...frame, values }, image);
}

const noise = Float32Array.from(
  { length: SIDE * SIDE },
  (_, i) => 8 * Math.sin(i * 12.9898) * Math.cos(i * 78.233),
);
const waves = Float32Array.from({ length: SIDE * SIDE }, (_, i) => {
  const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
  return 5 * Math.sin(x / 17) * Math.cos(y / 23) + 1;
});

for (const [width, height] of [
  [1200, 800],
  [534, 800],
  [1024, 1024],
  [37, 53],
  [1, 1],
  [1, 5000],
  [5000, 1],
] as const) {
  for (const [name, logits] of Object.entries({ noise, waves })) {
    t.test(`${name} on ${width}x${height}`, async (t) => {
      const image = { width, height };
      const { values } = twoSteps(logits, image);
      const mask = postprocessMask(logits, image, FRAME);
      const found = toImage(mask.counts, image);

      const differs = values.findIndex(
        (logit, i) => logit > 0 !== (found[i] === 255) && Math.abs(logit) > TIE,
      );
      t.equal(differs, -1, 'every pixel but ties is the same');

      const above = (threshold: number) => values.filter((logit) => logit > threshold).length;
      const inside = found.filter((pixel) => pixel === 255).length;
      t.equal(mask.area, inside);
      t.ok(Math.abs(mask.stabilityScore - above(1) / (above(-1) || 1)) < 1e-5);
      const xs = [...found.keys()].filter((i) => found[i]).map((i) => i % width);
      const ys = [...found.keys()].filter((i) => found[i]).map((i) => Math.floor(i / width));
      const span = (values: number[]) => {
        const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
        return [least, values.reduce((a, b) => Math.max(a, b), -1) - least + 1] as const;
      };
      const [[left, w], [top, h]] = [span(xs), span(ys)];
      const bbox = inside > 0 ? [left, top, w, h] : [0, 0, 0, 0];
      t.same(mask.bbox, bbox);
    });
  }
}

t.test('nothing and everything', async (t) => {
  const image = { width: 30, height: 20 };
  const flat = (logit: number) => new Float32Array(SIDE * SIDE).fill(logit);
  t.same(postprocessMask(flat(-5), image, FRAME), {
    counts: [600],
    area: 0,
    bbox: [0, 0, 0, 0],
    stabilityScore: 0,
  });
  t.same(postprocessMask(flat(5), image, FRAME), {
    counts: [0, 600],
    area: 600,
    bbox: [0, 0, 30, 20],
    stabilityScore: 1,
  });
  t.equal(postprocessMask(flat(0), image, FRAME).area, 0, 'zero is not above the threshold');
});
