import type { ImageSize } from '../core/image.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import { decompress } from '../masks/formats/rle.js';
import { polygonRuns } from './polygon-runs.js';
import { LabelFault } from './skipped.js';
import { unionOf } from './union.js';

/** How far from an image corners of polygons may lie, in sides of the image: drawing takes time by the pixel. */
const FARTHEST = 1;
/** Characters of COCO's compressed runs. */
const COMPRESSED = /^[0-o]*$/;

/**
 * The pixels of an annotation's `segmentation`: polygons, which are filled each by itself, or run lengths as numbers or
 * as a string.
 * @param image size of its image, to which polygons are cut, and which run lengths have to fill.
 * @throws LabelFault when it is none of these
 */
export function segmentationRuns(segmentation: unknown, image: ImageSize): RunLengths {
  if (Array.isArray(segmentation)) return polygonsRuns(segmentation, image);
  if (typeof segmentation === 'object' && segmentation !== null && 'counts' in segmentation) {
    return checkedRuns(segmentation, image);
  }
  throw broken('its segmentation is neither polygons nor run lengths');
}

function polygonsRuns(rings: readonly unknown[], image: ImageSize): RunLengths {
  if (rings.length === 0) throw new LabelFault('mask is empty', 'it has no polygon');
  const [first, ...others] = rings.map((ring) => polygonRuns(checkedRing(ring, image), image));
  return others.reduce(unionOf, first as number[]);
}

function checkedRing(ring: unknown, { width, height }: ImageSize): number[] {
  if (!Array.isArray(ring) || !ring.every((value) => Number.isFinite(value))) {
    throw broken('its polygons are not lists of numbers, [[x1, y1, x2, y2, ...], ...]');
  }
  if (ring.length < 6 || ring.length % 2 === 1) {
    throw broken(`a polygon has ${ring.length} numbers: not two for each of three corners or more`);
  }
  const isFar = (at: number, side: number) => at < -FARTHEST * side || at > (1 + FARTHEST) * side;
  if (ring.some((value, i) => isFar(value, i % 2 ? height : width))) {
    throw broken(`a polygon reaches far out of the image of ${width}x${height}`);
  }
  return ring;
}

function checkedRuns(rle: { counts?: unknown; size?: unknown }, image: ImageSize): RunLengths {
  const { width, height } = image;
  const { counts, size } = rle;
  if (!Array.isArray(size) || size[0] !== height || size[1] !== width) {
    throw broken(
      `the size of its run lengths is ${JSON.stringify(size)}, not [${height}, ${width}]`,
    );
  }
  const runs = typeof counts === 'string' && COMPRESSED.test(counts) ? decompress(counts) : counts;
  if (!Array.isArray(runs) || !runs.every((run) => Number.isSafeInteger(run) && run >= 0)) {
    throw broken('its counts are not run lengths');
  }
  const sum = runs.reduce((total: number, run: number) => total + run, 0);
  if (sum !== width * height) {
    throw broken(`its run lengths are of ${sum} pixels, not ${width * height}`);
  }
  return runs;
}

function broken(message: string): LabelFault {
  return new LabelFault('annotation is broken', message);
}
