import type { Static } from 'typebox';
import { SamError, violation } from '../../../core/errors.js';
import { EVERYTHING_DEFAULTS, type Strategy } from '../../../core/everything.js';
import type { MaskFormat } from '../../../core/mask.js';
import type { EverythingQuery } from '../../../service/everything/everything.js';
import type { EverythingFields } from '../../schemas/everything.js';
import { GEOJSON, JSON_TYPE, NDJSON, PNG } from '../../schemas/media-types.js';
import { checkFinding, readFind } from './find-options.js';
import { checkFormatFields, minAreaOf, readOptions } from './mask-options.js';

/** How everything mode is answered. */
export type EverythingShape = 'list' | 'coco' | 'collection' | 'events' | 'picture';

/**
 * The fields in the domain's form, and what they say of the answer.
 * @param type of the answer.
 * @throws SamError `invalid-request`, `not-acceptable`
 */
export function readEverything(
  { point_grids: pointGrids, ...fields }: Static<typeof EverythingFields>,
  type: string,
): { query: EverythingQuery; shape: EverythingShape } {
  const {
    format: named,
    simplify,
    transform,
    bounds,
    min_area,
    labels,
    proposals,
    strategy = 'grid',
    ...rest
  } = fields;
  const { text_threshold, text_nms_thresh, templates, max_detections, ...parameters } = rest;
  checkFinding({ text_threshold, text_nms_thresh, templates }, labels !== undefined, 'labels');
  checkFinding({ max_detections }, proposals !== undefined, 'proposals');
  if (proposals) checkGridFields({ pointGrids, strategy, ...parameters });
  if (pointGrids && strategy === 'adaptive') throw adaptiveGrid();
  if (pointGrids && parameters.points_per_side !== undefined) checkSide(parameters.points_per_side);
  const shape = shapeOf(named, type);
  const format = formatOf(named, shape);
  const options = readOptions({
    ...(simplify !== undefined && { simplify }),
    ...(transform && { transform }),
    ...(bounds && { bounds }),
  });
  checkFormatFields(options, format);
  const min_mask_region_area = minAreaOf({
    ...parameters,
    ...(min_area !== undefined && { min_area }),
  });
  const query = {
    options: { ...options, format },
    pointGrids,
    strategy,
    labels,
    proposals,
    find: readFind({ text_threshold, text_nms_thresh, templates, max_detections }),
    parameters: { ...parameters, min_mask_region_area },
    live: shape === 'events',
  };
  return { query, shape };
}

type NamedFormat = Static<typeof EverythingFields>['format'];

function shapeOf(format: NamedFormat, type: string): EverythingShape {
  if (type === PNG) return 'picture';
  if (type === NDJSON) return 'events';
  if (type === GEOJSON) return 'collection';
  return format === 'coco' ? 'coco' : 'list';
}

/** How the masks are written for the answer. @throws SamError `not-acceptable` where that is not how it is to come */
function formatOf(format: NamedFormat, shape: EverythingShape): MaskFormat {
  if (shape === 'picture' || shape === 'coco') return 'rle';
  if (shape === 'collection') {
    if (format === undefined || format === 'geojson') return 'geojson';
    throw new SamError('not-acceptable', `${format} is available as ${JSON_TYPE}, ${NDJSON}`);
  }
  if (format !== 'coco') return format ?? 'rle';
  throw new SamError('not-acceptable', `coco is one file, available as ${JSON_TYPE}`);
}

/** Boxes are in place of all grids. @throws SamError `invalid-request` */
function checkGridFields({
  pointGrids,
  strategy,
  points_per_side = EVERYTHING_DEFAULTS.points_per_side,
  crop_n_layers = 0,
}: {
  readonly pointGrids?: unknown;
  readonly strategy: Strategy;
  readonly points_per_side?: number;
  readonly crop_n_layers?: number;
}): void {
  const given = {
    point_grids: pointGrids !== undefined,
    strategy: strategy === 'adaptive',
    points_per_side: points_per_side !== EVERYTHING_DEFAULTS.points_per_side,
    crop_n_layers: crop_n_layers > 0,
  };
  for (const [field, isGiven] of Object.entries(given)) {
    if (isGiven) throw violation('invalid-request', `/${field}`, 'must not stand beside proposals');
  }
}

/** Which points lie between which is known of an even grid only. */
function adaptiveGrid(): SamError {
  const message =
    'adaptive has an even grid of its own: send points_per_side in place of point_grids';
  return violation('invalid-request', '/strategy', message);
}

/** The default says nothing: it is there when the field is left out. */
function checkSide(points_per_side: number): void {
  if (points_per_side === EVERYTHING_DEFAULTS.points_per_side) return;
  throw violation('invalid-request', '/point_grids', 'must not stand beside points_per_side');
}
