import sharp from 'sharp';
import t from 'tap';
import type { ImageSize } from '#src/core/image.js';
import type {
  FeatureCollection,
  Georeference,
  MaskFormat,
  Ring,
  Segmentations,
} from '#src/core/mask.js';
import { extentOf } from '#src/masks/extent.js';
import { encodeMask } from '#src/masks/formats/formats.js';
import { toImage } from '#src/masks/formats/rle.js';
import { maskBytes } from '#src/masks/mask-bytes.js';
import { signedArea } from '#src/masks/outlines/polygons.js';
import { readGolden, skipGolden } from '../../fixtures/golden.js';
import { type DrawnMask, drawnMasks } from '../../fixtures/masks.js';

if (skipGolden) t.comment(skipGolden);

/** The masks of the reference, where they are. */
function goldenMasks(): DrawnMask[] {
  return readGolden().flatMap(({ name, width, height, cases }) =>
    cases.flatMap(({ kind, masks }) =>
      masks.map((counts, i) => ({ name: `${name} ${kind} ${i}`, width, height, counts })),
    ),
  );
}

const MASKS = [...drawnMasks(), ...goldenMasks()];
async function encode<F extends MaskFormat>(
  { counts, width, height }: DrawnMask,
  format: F,
  { simplify = 0, georeference = {} }: { simplify?: number; georeference?: Georeference } = {},
): Promise<Segmentations[F]> {
  const options = {
    ...{ format, simplify, georeference, minArea: 0 },
    ...{ returnLogits: false, keepLogits: false, logitsDtype: 'float32' as const },
  };
  const image = { width, height };
  const properties = { predicted_iou: 0.9 };
  return (await encodeMask({ counts, image, options, properties })) as Segmentations[F];
}

/** Pixels whose centres lie within an odd number of rings, row by row: 255 and 0. */
function rasterise(rings: readonly Ring[], { width, height }: ImageSize): Uint8Array {
  const crossings = Array.from({ length: height }, (): number[] => []);
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) {
      const next = (i + 2) % ring.length;
      const [x1, y1, x2, y2] = [ring[i], ring[i + 1], ring[next], ring[next + 1]] as number[];
      if (x1 === undefined || x2 === undefined || y1 === undefined || y2 === undefined) continue;
      for (let y = Math.ceil(Math.min(y1, y2) - 0.5); y + 0.5 < Math.max(y1, y2); y++) {
        if (y1 !== y2) crossings[y]?.push(x1 + ((y + 0.5 - y1) / (y2 - y1)) * (x2 - x1));
      }
    }
  }
  const image = new Uint8Array(width * height);
  for (const [y, xs] of crossings.entries()) {
    xs.sort((a, b) => a - b);
    for (let i = 0; i + 1 < xs.length; i += 2) {
      const [from, to] = [xs[i] as number, xs[i + 1] as number];
      image.fill(255, y * width + Math.ceil(from - 0.5), y * width + Math.ceil(to - 0.5));
    }
  }
  return image;
}

const same = (a: Uint8Array, b: Uint8Array) => Buffer.from(a).equals(Buffer.from(b));

/** COCO's `rleToString`, line by line. */
function rleToString(counts: readonly number[]): string {
  let text = '';
  for (let i = 0; i < counts.length; i++) {
    let x = counts[i] as number;
    if (i > 2) x -= counts[i - 2] as number;
    for (let more = true; more; ) {
      let c = x & 0x1f;
      x >>= 5;
      more = c & 0x10 ? x !== -1 : x !== 0;
      if (more) c |= 0x20;
      text += String.fromCharCode(c + 48);
    }
  }
  return text;
}

/** Label Studio's stream of bits, read as its description says. */
function readLabelStudio(bytes: readonly number[]): Uint8Array {
  let at = 0;
  const bits = (count: number) => {
    let value = 0;
    for (let i = 0; i < count; i++, at++) {
      value = value * 2 + (((bytes[at >> 3] as number) >> (7 - (at & 7))) & 1);
    }
    return value;
  };
  const length = bits(32);
  const word = bits(5) + 1;
  const sizes = [bits(4) + 1, bits(4) + 1, bits(4) + 1, bits(4) + 1];
  const values = new Uint8Array(length);
  let end = 0;
  while (end < length) {
    const isRun = bits(1);
    const count = bits(sizes[bits(2)] as number) + 1;
    if (isRun) {
      values.fill(bits(word), end, end + count);
      end += count;
    } else {
      for (let i = 0; i < count; i++) values[end++] = bits(word);
    }
  }
  if (end !== length || bytes.length !== (at >> 3) + 1) throw new Error('bad length');
  return values;
}

t.test('every format holds the same mask', async (t) => {
  for (const mask of MASKS) {
    const { name, counts, width, height } = mask;
    const image = { width, height };
    const pixels = toImage(counts, image);

    const rle = await encode(mask, 'rle');
    t.equal(rle.counts, rleToString(counts), `${name}: COCO's string`);
    t.same(rle.size, [height, width], 'height first');
    t.same((await encode(mask, 'rle_counts')).counts, counts);

    const file = Buffer.from((await encode(mask, 'png')).png, 'base64');
    t.same([file[24], file[25]], [1, 0], 'one bit of grey');
    const { data, info } = await sharp(file, { limitInputPixels: false })
      .toColourspace('b-w')
      .raw()
      .toBuffer({ resolveWithObject: true });
    t.ok(info.width === width && info.height === height && same(data, pixels), `${name}: PNG`);

    const { polygons } = await encode(mask, 'polygon');
    t.ok(same(rasterise(polygons.flat(), image), pixels), `${name}: polygons`);
    const area = counts.reduce((sum, count, i) => sum + (i % 2 ? count : 0), 0);
    const enclosed = polygons.flat().reduce((sum, ring) => sum + signedArea(ring) / 2, 0);
    t.equal(enclosed, area, `${name}: no polygon over another`);
    const turned = polygons.every((rings) => rings.every((ring, i) => signedArea(ring) > 0 === !i));
    t.ok(turned, `${name}: outer rings turn to the right, holes to the left`);
    t.ok(polygons.flat().every(isSimple), `${name}: no ring meets itself`);

    const { svg } = await encode(mask, 'svg');
    const path = / d="([^"]*)"/.exec(svg)?.[1] ?? '';
    const rings = path.split('Z').map((ring) => (ring.match(/\d+/g) ?? []).map(Number));
    t.ok(same(rasterise(rings, image), pixels), `${name}: SVG`);

    const { rle: stream } = await encode(mask, 'labelstudio_rle');
    const values = readLabelStudio(stream);
    t.equal(values.length, 4 * width * height);
    t.ok(
      values.every((value, i) => value === pixels[i >> 2]),
      `${name}: Label Studio`,
    );

    const { polygons: parts } = await encode(mask, 'coco_polygon');
    t.ok(same(rasterise(parts, image), pixels), `${name}: COCO polygons`);
    const filled = parts.reduce((sum, ring) => sum + signedArea(ring) / 2, 0);
    t.equal(filled, area, `${name}: each filled by itself, and none over another`);
    t.ok(parts.every((ring) => isSimple(ring) && signedArea(ring) > 0));

    const { shapes } = await encode(mask, 'labelme');
    t.same(
      shapes.map(({ points }) => points.flat()),
      parts,
      `${name}: labelme`,
    );
    const { yolo } = await encode(mask, 'yolo');
    const lines = yolo.split('\n').slice(0, -1);
    const shares = lines.map((line) => line.split(' ').map(Number));
    t.ok(shares.every(([label, ...rest]) => label === 0 && rest.every((v) => v >= 0 && v <= 1)));
    t.same(
      shares.map(([, ...rest]) => rest.map((v, i) => Math.round(v * (i % 2 ? height : width)))),
      parts,
      `${name}: YOLO`,
    );
    t.ok(same(readCvat(await encode(mask, 'cvat_rle'), image), pixels), `${name}: CVAT`);
  }
});

/** CVAT's `decode_mask`. */
function readCvat({ points }: Segmentations['cvat_rle'], { width, height }: ImageSize): Uint8Array {
  const pixels = new Uint8Array(width * height);
  if (points.length === 0) return pixels;
  const [left, top, right, bottom] = points.slice(-4) as [number, number, number, number];
  const columns = right - left + 1;
  let at = 0;
  for (const [i, run] of points.slice(0, -4).entries()) {
    for (const end = at + run; at < end; at++) {
      const [x, y] = [left + (at % columns), top + Math.floor(at / columns)];
      if (i % 2) pixels[y * width + x] = 255;
    }
  }
  if (at !== columns * (bottom - top + 1)) throw new Error('the runs are not those of the box');
  return pixels;
}

/** Whether a ring passes each point once. */
function isSimple(ring: Ring): boolean {
  const points = new Set<string>();
  for (let i = 0; i < ring.length; i += 2) points.add(`${ring[i]},${ring[i + 1]}`);
  return points.size === ring.length / 2;
}

t.test('an SVG looks like the mask', async (t) => {
  for (const mask of MASKS.filter(({ width, height }) => Math.max(width, height) < 2000)) {
    const { svg } = await encode(mask, 'svg');
    const drawing = await sharp(Buffer.from(svg)).ensureAlpha().extractChannel(3).raw().toBuffer();
    t.ok(same(drawing, toImage(mask.counts, mask)), mask.name);
  }
});

t.test('GeoJSON', async (t) => {
  const places: [
    name: string,
    georeference: Georeference,
    back: (x: number, y: number) => number[],
  ][] = [
    ['pixels', {}, (x, y) => [x, y]],
    // Metres of a grid, half a metre a pixel, north up.
    [
      'a transform',
      { transform: [0.5, 0, 300_000, 0, -0.5, 5_000_000] },
      (x, y) => [(x - 300_000) * 2, (5_000_000 - y) * 2],
    ],
  ];
  for (const mask of MASKS) {
    const { name, width, height } = mask;
    const byEdges: (typeof places)[number] = [
      'bounds',
      { bounds: [10, 50, 10 + width / 1024, 50 + height / 1024] },
      (x, y) => [(x - 10) * 1024, (50 + height / 1024 - y) * 1024],
    ];
    for (const [kind, georeference, back] of [...places, byEdges]) {
      const { geojson } = await encode(mask, 'geojson', { georeference });
      const [feature, ...more] = geojson.features;
      t.equal(geojson.type, 'FeatureCollection');
      t.equal(more.length, 0);
      t.same(feature?.properties, { predicted_iou: 0.9 });
      const polygons = polygonsOf(geojson);
      for (const rings of polygons) {
        for (const [i, ring] of rings.entries()) {
          const closed = String(ring[0]) === String(ring.at(-1));
          const area = signedArea(ring.slice(1).flat());
          if (!closed || area > 0 !== (i === 0)) t.fail(`${name}, ${kind}: ring ${i}`);
        }
      }
      const rings = polygons.flat().map((ring) => ring.slice(1).flatMap(([x, y]) => back(x, y)));
      t.ok(same(rasterise(rings, mask), toImage(mask.counts, mask)), `${name}, ${kind}`);
    }
  }
});

/** The polygons of the one feature, each its rings. */
function polygonsOf({ features: [feature] }: FeatureCollection) {
  const geometry = feature?.geometry ?? null;
  if (geometry === null) return [];
  return geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
}

t.test('GeoJSON across the antimeridian is cut there', async (t) => {
  for (const mask of MASKS) {
    const { name, width, height } = mask;
    for (const share of [0.5, 1 / 3, 0.01, 0.999]) {
      const [west, east] = [180 - (share * width) / 1024, ((1 - share) * width) / 1024 - 180];
      const bounds = [west, -17, east, -17 + height / 1024] as const;
      const { geojson } = await encode(mask, 'geojson', { georeference: { bounds } });
      const polygons = polygonsOf(geojson);
      const turned = polygons.every((rings) =>
        rings.every((ring, i) => signedArea(ring.slice(1).flat()) > 0 === (i === 0)),
      );
      t.ok(turned, `${name}: outer rings counterclockwise, holes clockwise`);
      for (const ring of polygons.flat()) {
        const [west, east] = [ring.every(([x]) => x > 0), ring.every(([x]) => x < 0)];
        const within = ring.every(([x]) => x >= -180 && x <= 180);
        if (west === east || !within) t.fail(`${name}: a ring lies on both sides`);
      }
      // In pixels, the two halves put together.
      const back = polygons.flatMap((rings) =>
        rings.map((ring) =>
          ring
            .slice(1)
            .flatMap(([x, y]) => [((x < 0 ? x + 360 : x) - west) * 1024, (bounds[3] - y) * 1024]),
        ),
      );
      const area = mask.counts.reduce((sum, count, i) => sum + (i % 2 ? count : 0), 0);
      const enclosed = back.reduce((sum, ring) => sum - signedArea(ring) / 2, 0);
      t.ok(Math.abs(enclosed - area) < 1e-3 * (1 + area), `${name}: ${enclosed} of ${area} pixels`);
    }
  }
});

t.test('simplified outlines', async (t) => {
  for (const mask of MASKS) {
    const exact = (await encode(mask, 'polygon')).polygons;
    const { polygons } = await encode(mask, 'polygon', { simplify: 2 });
    t.equal(polygons.length, exact.length, `${mask.name}: no polygon is lost`);
    const [many, few] = [exact, polygons].map((list) => list.flat(2).length) as [number, number];
    t.ok(few <= many, `${mask.name}: ${few} of ${many} numbers`);
    const [before, after] = [exact, polygons].map((list) =>
      list.flat().reduce((sum, ring) => sum + signedArea(ring) / 2, 0),
    ) as [number, number];
    const length = exact.flat().reduce((sum, ring) => sum + lengthOf(ring), 0);
    t.ok(Math.abs(after - before) <= 2 * length, `${mask.name}: ${before} and ${after} pixels`);
  }
  t.ok(goldenMasks().length === 0 || (await fewer(goldenMasks()[0] as DrawnMask)) < 0.3);
});

function lengthOf(ring: Ring): number {
  let sum = 0;
  for (let i = 0; i < ring.length; i += 2) {
    const next = (i + 2) % ring.length;
    sum += Math.hypot(
      (ring[next] as number) - (ring[i] as number),
      (ring[next + 1] as number) - (ring[i + 1] as number),
    );
  }
  return sum;
}

/** The share of numbers that simplifying leaves. */
async function fewer(mask: DrawnMask): Promise<number> {
  const { polygons } = await encode(mask, 'polygon', { simplify: 1.5 });
  return polygons.flat(2).length / (await encode(mask, 'polygon')).polygons.flat(2).length;
}

t.test('what a mask takes in an answer is known before it is written', async (t) => {
  const formats = [
    'rle',
    'rle_counts',
    'png',
    'polygon',
    'geojson',
    'svg',
    'labelstudio_rle',
    'coco_polygon',
    'cvat_rle',
    'yolo',
    'labelme',
  ] as const;
  const transform = [1e-5 / 3, 1e-7 / 3, -123.456789012345, 1e-7 / 3, -1e-5 / 3, 45.6789012345678];
  const georeference = { transform } as unknown as Georeference;
  for (const mask of MASKS) {
    const { counts, width, height } = mask;
    const extent = extentOf(counts, height);
    for (const format of formats) {
      const written = await encode(mask, format, format === 'geojson' ? { georeference } : {});
      const bytes = maskBytes(format, counts, extent, { width, height });
      const actual = JSON.stringify(written).length;
      t.ok(actual <= bytes, `${format} of ${width}x${height}: ${actual} of ${bytes}`);
    }
  }
});
