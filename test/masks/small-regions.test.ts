import t from 'tap';
import { extentOf } from '#src/masks/extent.js';
import { toImage } from '#src/masks/formats/rle.js';
import { removeSmallRegions } from '#src/masks/small-regions.js';
import { runsOf } from '../fixtures/bitmap.js';
import { drawnMasks } from '../fixtures/masks.js';
import { noise } from '../fixtures/pictures.js';

interface Region {
  readonly pixels: number[];
}

/** Regions of one value that hang together at sides and corners, by flooding. */
function regionsOf(image: Uint8Array, width: number, value: number): Region[] {
  const seen = new Set<number>();
  const regions: Region[] = [];
  for (const [start, own] of image.entries()) {
    if (own !== value || seen.has(start)) continue;
    const pixels = [start];
    seen.add(start);
    for (const pixel of pixels) {
      const [x, y] = [pixel % width, Math.floor(pixel / width)];
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const next = (y + dy) * width + x + dx;
          if (x + dx < 0 || x + dx >= width || image[next] !== value || seen.has(next)) continue;
          seen.add(next);
          pixels.push(next);
        }
      }
    }
    regions.push({ pixels });
  }
  return regions;
}

/** `remove_small_regions` for holes and then for islands. */
function expected(image: Uint8Array, width: number, minArea: number): Uint8Array {
  const filled = Uint8Array.from(image);
  for (const { pixels } of regionsOf(image, width, 0)) {
    if (pixels.length < minArea) for (const pixel of pixels) filled[pixel] = 255;
  }
  const islands = regionsOf(filled, width, 255).sort((a, b) => b.pixels.length - a.pixels.length);
  const large = islands.filter(({ pixels }) => pixels.length >= minArea);
  const kept = large.length > 0 ? large : islands.slice(0, 1);
  const cleaned = new Uint8Array(image.length);
  for (const { pixels } of kept) for (const pixel of pixels) cleaned[pixel] = 255;
  return cleaned;
}

const random = noise(11);
const grains = Array.from({ length: 12 }, (_, i) => {
  const values = Array.from({ length: 30 * 20 }, random);
  const inside = (x: number, y: number) => (values[y * 30 + x] as number) < 0.2 + 0.05 * i;
  return { name: `noise ${i}`, width: 30, height: 20, counts: runsOf(30, 20, inside) };
});

for (const { name, width, height, counts } of [...drawnMasks(), ...grains]) {
  t.test(name, async (t) => {
    const image = toImage(counts, { width, height });
    for (const minArea of [2, 5, 20, 200]) {
      const cleaned = removeSmallRegions(counts, height, minArea);
      const pixels = toImage(cleaned.counts, { width, height });
      // Equally large islands may be kept either way: what counts is that one is.
      const ties = expected(image, width, minArea);
      const sizes = (of: Uint8Array) =>
        regionsOf(of, width, 255).map(({ pixels }) => pixels.length);
      if (sizes(ties).length === 1) t.same(sizes(pixels), sizes(ties), `${minArea}`);
      else t.same(pixels, ties, `${minArea}`);
      t.ok(cleaned.changed || Buffer.from(pixels).equals(image), `${minArea}: says so`);
      t.same(
        cleaned.counts,
        runsOf(width, height, (x, y) => pixels[y * width + x] === 255),
      );
      t.equal(extentOf(cleaned.counts, height).area, pixels.filter(Boolean).length);
    }
  });
}
