import { MAX_VIOLATIONS, SamError, type Violation } from '../../core/errors.js';
import { nameHint, shapeOf } from './prompts/shapes.js';

/**
 * Schema violations, with the path of what is wrong rather than of the schema.
 * @param place names the whole that they are in.
 * @param value that whole.
 */
export function invalid(findings: readonly Finding[], place: string, value?: unknown): SamError {
  const isForm = place === FORM;
  const first = findings.slice(0, MAX_VIOLATIONS);
  const listed = distinct(first.map((found) => describe(found, value, isForm)));
  const words = listed.map(({ path, message }) => `${path || place} ${message}`);
  const more = findings.length - first.length;
  if (more > 0) words.push(`and ${more} more`);
  return new SamError('invalid-request', words.join('; '), { violations: listed });
}

/** Where a value may have one of several forms, each form says that it is not that one, and then all do together. */
function distinct(violations: readonly Violation[]): Violation[] {
  const byWords = new Map(violations.map((each) => [`${each.path} ${each.message}`, each]));
  return [...byWords.values()];
}

/** The name of a form as the whole that something is wrong with. */
export const FORM = 'the form';

/** What the validator says of one thing that is wrong. */
interface Finding {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message?: string;
  readonly params: Record<string, unknown>;
}

/** Keywords whose findings say that a value is of another shape. */
const SHAPE_KEYWORDS = [
  'type',
  'minItems',
  'maxItems',
  'enum',
  'minProperties',
  'maxProperties',
  'anyOf',
];

/** One finding of the validator, in words for a client. */
function describe(found: Finding, value: unknown, isForm: boolean): Violation {
  const { keyword, instancePath: path, message = 'is not valid', params } = found;
  const extra = params['additionalProperty'];
  if (keyword === 'additionalProperties' && typeof extra === 'string') {
    const hint = nameHint(extra, path);
    const words = `is not a known field${hint ? `: ${hint}` : ''}`;
    return { path: `${path}/${extra}`, message: words };
  }
  const missing = params['missingProperty'];
  if (keyword === 'required' && typeof missing === 'string') {
    const shape = shapeOf(`${path}/${missing}`, undefined, isForm);
    return { path: `${path}/${missing}`, message: `is missing${shape ? `: it ${shape}` : ''}` };
  }
  const shape = SHAPE_KEYWORDS.includes(keyword) ? shapeOf(path, value, isForm) : undefined;
  if (shape) return { path, message: shape };
  const values = params['allowedValues'];
  if (Array.isArray(values)) return { path, message: `must be one of ${values.join(', ')}` };
  return { path, message: TYPES[message] ?? message };
}

/** What the validator calls types, as they are written. */
const TYPES: Record<string, string> = {
  'must be boolean': 'must be true or false, without quotes',
  'must be integer': 'must be a whole number, without quotes',
  'must be number': 'must be a number, without quotes',
  'must be array': 'must be a list, […]',
  'must be object': 'must be an object, {"name": value}',
  'must be string': 'must be text, in quotes',
};
