import { base64Length } from '../core/bytes/base64-length.js';
import type { ImageSize } from '../core/image.js';
import type { MaskFormat } from '../core/mask.js';
import type { RunLengths } from '../core/masks/run-lengths.js';
import type { Extent } from './extent.js';

/** Names, scores, box and whatever else stands beside a segmentation. */
const BESIDE = 600;
/** A corner as text: two numbers of pixels, or two of map coordinates in brackets. */
const CORNER = 14;
const PLACED_CORNER = 52;
/** A corner as two shares of six digits, or with what labelme says of a polygon of three. */
const SHARED_CORNER = 22;
const LABELLED_CORNER = 48;
/** A run of Label Studio's has 27 bits at most, and each byte of them up to three digits and a comma. */
const BRUSH_RUN = 16;

/**
 * Bytes that a mask takes in an answer at most, beside its logits: an upper bound, known before the mask is written. An
 * outline has at most two corners for each end of a run and four for each column that it has.
 */
export function maskBytes(
  format: MaskFormat,
  counts: RunLengths,
  { area, bbox }: Extent,
  image: ImageSize,
): number {
  const { width, height } = image;
  const pixels = width * height;
  const runs = counts.length;
  const corners = 2 * (runs + 2 * bbox[2]);
  switch (format) {
    case 'rle':
      // The logarithm bends down: run lengths that are all alike take the most.
      return BESIDE + runs * (2 + Math.log2(1 + (2 * pixels) / runs) / 5);
    case 'rle_counts':
      return BESIDE + runs * (2 + Math.log10(1 + pixels / runs));
    case 'png':
      return BESIDE + base64Length(packed(height * (1 + Math.ceil(width / 8))));
    case 'cutout':
      // What is outside is all alike and packs to a hundredth at worst.
      return BESIDE + base64Length(packed(4 * area + (4 * pixels) / 100));
    case 'polygon':
    case 'coco_polygon':
    case 'svg':
      return BESIDE + corners * CORNER;
    case 'geojson':
      // Where it is cut at the antimeridian, the runs of one column are in both parts.
      return 2 * BESIDE + (corners + 4 * bbox[3] + 16) * PLACED_CORNER;
    case 'labelstudio_rle':
      return BESIDE + rowRuns(counts, image) * BRUSH_RUN;
    case 'cvat_rle': {
      const rows = 1 + rowRuns(counts, image);
      return BESIDE + rows * (2 + Math.log10(1 + pixels / rows));
    }
    case 'yolo':
      return BESIDE + corners * SHARED_CORNER;
    case 'labelme':
      return BESIDE + corners * LABELLED_CORNER;
    case 'logits':
      return BESIDE;
  }
}

/** Deflate adds some to what it cannot pack. */
function packed(bytes: number): number {
  return Math.ceil(bytes * 1.01) + 64;
}

/**
 * Runs of the mask row by row, at most: one for each row, and one for each pixel that differs from its left neighbour.
 * Those are where the mask and the mask moved by a column do not agree, which the ends of both their runs tell.
 */
function rowRuns(counts: RunLengths, { width, height }: ImageSize): number {
  const pixels = width * height;
  let [own, moved] = [0, 0];
  let [ownEnd, movedEnd] = [counts[0] ?? pixels, height + (counts[0] ?? pixels)];
  let differing = 0;
  for (let at = 0; at < pixels; ) {
    const end = Math.min(ownEnd, movedEnd, pixels);
    // The first column has no left neighbour.
    if (own % 2 !== moved % 2) differing += Math.max(0, end - Math.max(at, height));
    at = end;
    while (own < counts.length && ownEnd <= at) ownEnd += counts[++own] ?? pixels;
    while (moved < counts.length && movedEnd <= at) movedEnd += counts[++moved] ?? pixels;
  }
  return height + differing;
}
