import type { Static } from 'typebox';
import { SamError, violation } from '../../../core/errors.js';
import { EVERYTHING_DEFAULTS } from '../../../core/everything.js';
import type { MaskFormat } from '../../../core/mask.js';
import type { EverythingJob } from '../../../service/everything/everything-job.js';
import { GEOJSON, NDJSON } from '../../answers/everything-answer.js';
import type { EverythingFields } from '../../schemas/everything.js';
import { checkFormatFields, minAreaOf, readOptions } from './prompts.js';

/** The fields in the domain's form. @throws SamError `invalid-request` */
export function readEverything(
  {
    point_grids: pointGrids,
    format,
    simplify,
    transform,
    bounds,
    min_area,
    ...parameters
  }: Static<typeof EverythingFields>,
  overlay: boolean,
  type: string,
): Pick<EverythingJob, 'options' | 'parameters' | 'pointGrids'> {
  if (pointGrids && parameters.points_per_side !== undefined) checkSide(parameters.points_per_side);
  const written = writtenAs(format, overlay, type);
  const options = readOptions({
    ...(simplify !== undefined && { simplify }),
    ...(transform && { transform }),
    ...(bounds && { bounds }),
  });
  checkFormatFields(options, written);
  return {
    options: { ...options, format: written },
    pointGrids,
    parameters: {
      ...EVERYTHING_DEFAULTS,
      ...parameters,
      min_mask_region_area: minAreaOf({
        ...parameters,
        ...(min_area !== undefined && { min_area }),
      }),
    },
  };
}

/** How the masks are written for the answer. @throws SamError `not-acceptable` where that is not how it is to come */
function writtenAs(
  format: Static<typeof EverythingFields>['format'],
  overlay: boolean,
  type: string,
): MaskFormat {
  if (overlay) return 'rle';
  if (type === GEOJSON) {
    if (format === undefined || format === 'geojson') return 'geojson';
    throw new SamError('not-acceptable', `${format} is available as application/json or ${NDJSON}`);
  }
  if (format !== 'coco') return format ?? 'rle';
  if (type !== NDJSON) return 'rle';
  throw new SamError('not-acceptable', 'coco is one file, available as application/json');
}

/** The default says nothing: it is there when the field is left out. */
function checkSide(points_per_side: number): void {
  if (points_per_side === EVERYTHING_DEFAULTS.points_per_side) return;
  throw violation('invalid-request', '/point_grids', 'must not stand beside points_per_side');
}
