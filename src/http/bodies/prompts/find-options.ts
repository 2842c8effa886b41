import { violation } from '../../../core/errors.js';
import { DETECTION_DEFAULTS } from '../../../core/find/detection.js';
import type { FindOptions } from '../../../core/find/find.js';
import type { PromptRequest } from '../../schemas/requests.js';

const { threshold, nms, most } = DETECTION_DEFAULTS;
/** What the fields are when they are left out, and then say nothing. */
const DEFAULTS = {
  text_threshold: threshold,
  text_nms_thresh: nms,
  max_detections: most,
  templates: false,
} as const;

/** How things are looked for, as far as it is said. */
export type FindFields = {
  readonly [name in keyof typeof DEFAULTS]?: PromptRequest[name] | undefined;
};

export function readFind(fields: FindFields): FindOptions {
  return {
    threshold: fields.text_threshold ?? threshold,
    nms: fields.text_nms_thresh ?? nms,
    most: fields.max_detections ?? most,
    templates: fields.templates ?? false,
  };
}

/**
 * Checks that something is to be found where it is said how: the fields would be passed over.
 * @param what asks for it.
 * @throws SamError `invalid-request`
 */
export function checkFinding(fields: FindFields, isFinding: boolean, what: string): void {
  if (isFinding) return;
  const names = Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[];
  const given = names.find((name) => (fields[name] ?? DEFAULTS[name]) !== DEFAULTS[name]);
  if (given) throw violation('invalid-request', `/${given}`, `is for ${what} only`);
}
