import type { TSchema } from 'typebox';
import { Type } from 'typebox';
import type { ErrorCode } from '../../core/errors.js';
import { PROBLEMS } from '../problems.js';
import { JSON_TYPE, MASK_FILE_TYPES, MULTIPART } from './media-types.js';
import { DecodeResponse, Problem } from './responses.js';
import { ref } from './schema.js';

/** A successful JSON answer. */
export function json(schema: TSchema, description: string) {
  return { description, content: { [JSON_TYPE]: { schema: ref(schema) } } };
}

/** An answer without a body. */
export function nothing(description: string) {
  return Type.Unsafe<void>({ type: 'null', description });
}

/** Content that is bytes. */
export function bytes(...types: string[]) {
  const schema = Type.Unsafe<Uint8Array>({ type: 'string', format: 'binary' });
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

/** The errors a route may answer with, by status; any route may also fail with 500. */
export function problems(...codes: ErrorCode[]) {
  const byStatus = new Map<number, string[]>();
  for (const code of [...codes, 'internal'] as const) {
    const { status, title } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${title}.`]);
  }
  const content = { 'application/problem+json': { schema: ref(Problem) } };
  return Object.fromEntries(
    [...byStatus].map(([status, lines]) => [status, { description: lines.join(' '), content }]),
  );
}

/** The answers of a route with masks. */
export const MASK_ANSWERS = {
  ...json(DecodeResponse, 'The masks as JSON, the best mask as a file, or all masks as parts.'),
  content: {
    ...json(DecodeResponse, '').content,
    ...bytes(...MASK_FILE_TYPES, MULTIPART),
  },
};
