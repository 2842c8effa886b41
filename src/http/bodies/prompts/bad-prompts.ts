import type { FastifyRequest } from 'fastify';
import type { SamError } from '../../../core/errors.js';
import { Prompt } from '../../schemas/requests.js';
import { FORM, invalid } from '../findings.js';

/** Prompts that are looked at one by one; a request of more is validated as a whole. */
const MOST = 4096;

const found = new WeakMap<FastifyRequest, ReadonlyMap<number, SamError>>();

/**
 * Puts an empty prompt in the place of each that does not fit its schema, and keeps what is wrong with it, if the request
 * wants such errors among its results (`on_error: "result"`). To be called before the whole is validated.
 * @param fields of the request, as they came.
 */
export function setBadPromptsAside(request: FastifyRequest, fields: unknown): void {
  if (typeof fields !== 'object' || fields === null) return;
  const { on_error, prompts } = fields as { on_error?: unknown; prompts?: unknown };
  if (on_error !== 'result' || !Array.isArray(prompts) || prompts.length > MOST) return;
  const validate = request.compileValidationSchema(Prompt, 'body');
  const bad = new Map<number, SamError>();
  for (const [i, prompt] of prompts.entries()) {
    if (validate(prompt)) continue;
    const findings = (validate.errors ?? []).map((error) => ({
      ...error,
      instancePath: `/prompts/${i}${error.instancePath}`,
    }));
    bad.set(i, invalid(findings, request.isMultipart() ? FORM : 'the body', fields));
  }
  for (const i of bad.keys()) prompts[i] = {};
  if (bad.size > 0) found.set(request, bad);
}

/** What is wrong with the prompts that were set aside, by their place. */
export function badPromptsOf(request: FastifyRequest): ReadonlyMap<number, SamError> | undefined {
  return found.get(request);
}
