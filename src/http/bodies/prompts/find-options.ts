import { violation } from '../../../core/errors.js';
import { DETECTION_DEFAULTS } from '../../../core/find/detection.js';
import type { FindOptions } from '../../../core/find/find.js';
import { isSearch } from '../../../core/prompt.js';
import type { PromptRequest } from '../../schemas/requests.js';

const { threshold, nms, most } = DETECTION_DEFAULTS;
/** What the fields are when they are left out, and then say nothing. */
const DEFAULTS = {
  text_threshold: threshold,
  text_nms_thresh: nms,
  max_detections: most,
  templates: false,
} as const;
const FIELDS = Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[];

/**
 * How what prompts name is looked for.
 * @throws SamError `invalid-request` where nothing is to be found: the fields would be passed over
 */
export function readFind(fields: PromptRequest): FindOptions {
  const prompts = [fields, ...(fields.prompts ?? [])];
  const given = FIELDS.find((name) => (fields[name] ?? DEFAULTS[name]) !== DEFAULTS[name]);
  if (given && !prompts.some(isSearch)) {
    throw violation('invalid-request', `/${given}`, 'is for text and exemplar only');
  }
  return {
    threshold: fields.text_threshold ?? threshold,
    nms: fields.text_nms_thresh ?? nms,
    most: fields.max_detections ?? most,
    templates: fields.templates ?? false,
  };
}
