import type { EverythingParameters, Seed } from '../../core/everything.js';
import type { ImageSize } from '../../core/image.js';
import type { Box, Point } from '../../core/prompt.js';
import { adaptiveCount } from './adaptive-grid.js';
import type { EverythingJob } from './everything-job.js';

/**
 * `build_point_grid`: `n` by `n` points spread evenly over a crop, row by row.
 * @returns pixels of the image the crop lies in.
 */
export function pointGrid(n: number, [x1, y1, x2, y2]: Box): Point[] {
  return Array.from(
    { length: n * n },
    (_, i): Point => [
      x1 + (((i % n) + 0.5) / n) * (x2 - x1),
      y1 + ((Math.floor(i / n) + 0.5) / n) * (y2 - y1),
    ],
  );
}

/** A grid of the client's own over a crop. @param grid shares of its sides. @returns pixels of the image it lies in. */
export function placedGrid(grid: readonly Point[], [x1, y1, x2, y2]: Box): Point[] {
  return grid.map(([x, y]): Point => [x1 + x * (x2 - x1), y1 + y * (y2 - y1)]);
}

/** A crop and the layer it belongs to; layer 0 is the whole image. */
export interface Crop {
  readonly box: Box;
  readonly layer: number;
}

/**
 * `generate_crop_boxes`: the whole image, and for each layer i more 2^i by 2^i crops that overlap. On a short side their
 * lengths are rounded up so much that the last of them begin at its end or beyond: those have no pixels, and are left out.
 */
export function cropBoxes(
  { width, height }: ImageSize,
  layers: number,
  overlapRatio: number,
): Crop[] {
  const crops: Crop[] = [{ box: [0, 0, width, height], layer: 0 }];
  for (let layer = 1; layer <= layers; layer++) {
    const perSide = 2 ** layer;
    const overlap = Math.trunc(overlapRatio * Math.min(width, height) * (2 / perSide));
    const length = (side: number) => Math.ceil((overlap * (perSide - 1) + side) / perSide);
    const [cropWidth, cropHeight] = [length(width), length(height)];
    for (let i = 0; i < perSide * perSide; i++) {
      const x = (cropWidth - overlap) * Math.floor(i / perSide);
      const y = (cropHeight - overlap) * (i % perSide);
      const box: Box = [x, y, Math.min(x + cropWidth, width), Math.min(y + cropHeight, height)];
      if (box[0] < box[2] && box[1] < box[3]) crops.push({ box, layer });
    }
  }
  return crops;
}

/** What the masks of a crop may be asked of; `adaptive` asks but a share of it. */
export function seedsOf({ layer, box }: Crop, job: Grids): readonly Seed[] {
  const { proposals, pointGrids, parameters } = job;
  if (proposals) return proposals;
  const points = pointGrids
    ? placedGrid(pointGrids[layer] ?? [], box)
    : pointGrid(gridSide(layer, parameters), box);
  return points.map((point) => ({ point }));
}

/** How many those are. */
export function seedCount({ layer }: Crop, job: Grids): number {
  const { proposals, pointGrids, strategy, parameters } = job;
  if (proposals) return proposals.length;
  if (pointGrids) return pointGrids[layer]?.length ?? 0;
  const side = gridSide(layer, parameters);
  return strategy === 'adaptive' ? adaptiveCount(side) : side ** 2;
}

type Grids = Pick<EverythingJob, 'proposals' | 'pointGrids' | 'strategy' | 'parameters'>;

/** Points along a side of a crop's grid. */
function gridSide(layer: number, parameters: EverythingParameters): number {
  const { points_per_side, crop_n_points_downscale_factor } = parameters;
  return Math.trunc(points_per_side / crop_n_points_downscale_factor ** layer);
}
