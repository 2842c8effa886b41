import { violation } from '../../../core/errors.js';
import type { MaskFormat } from '../../../core/mask.js';
import type { MaskOptions } from '../../../core/ports.js';
import type { PromptRequest } from '../../schemas/requests.js';
import { readGeoreference } from './georeference.js';

/**
 * How masks are to be written, but for the format.
 * @throws SamError `invalid-request`
 */
export function readOptions(
  body: Omit<PromptRequest, 'prompts' | 'format'>,
): Omit<MaskOptions, 'format'> {
  const { transform, bounds } = body;
  return {
    minArea: minAreaOf(body),
    simplify: body.simplify ?? 0,
    georeference: readGeoreference(transform, bounds),
    returnLogits: body.return_logits ?? false,
    logitsDtype: body.logits_dtype ?? 'float32',
    keepLogits: body.return_logits_token ?? false,
  };
}

/**
 * The least area of islands and holes, in pixels, by either of its names.
 * @throws SamError `invalid-request` when they say different things
 */
export function minAreaOf({
  min_area = 0,
  min_mask_region_area = 0,
}: Pick<PromptRequest, 'min_area' | 'min_mask_region_area'>): number {
  // 0 is the default of both, and says nothing.
  if (min_area === 0 || min_mask_region_area === 0) return min_area + min_mask_region_area;
  if (min_area === min_mask_region_area) return min_area;
  throw violation(
    'invalid-request',
    '/min_mask_region_area',
    'is another name of min_area: send one of them',
  );
}

/** Fields that say how outlines are written, and the formats that are outlines. */
const OUTLINE_FIELDS = {
  simplify: ['polygon', 'geojson', 'svg', 'coco_polygon', 'yolo', 'labelme'],
  transform: ['geojson'],
  bounds: ['geojson'],
} as const;

/**
 * Checks that the fields of a format stand with that format: they would be passed over elsewhere.
 * @throws SamError `invalid-request`
 */
export function checkFormatFields(
  { simplify, georeference }: Omit<MaskOptions, 'format'>,
  format: MaskFormat,
): void {
  const given = { simplify: simplify > 0 || undefined, ...georeference };
  for (const [field, formats] of Object.entries(OUTLINE_FIELDS)) {
    const fits = (formats as readonly string[]).includes(format);
    if (given[field as keyof typeof given] !== undefined && !fits) {
      throw violation(
        'invalid-request',
        `/${field}`,
        `is for the format ${formats.join(', ')} only`,
      );
    }
  }
}
