import type { FastifyRequest } from 'fastify';
import { type Static, type TSchema, Type } from 'typebox';
import { SamError, violation } from '../../../core/errors.js';
import type { MaskFormat } from '../../../core/mask.js';
import type { MaskOptions } from '../../../core/ports.js';
import type { Prompt, PromptLeniency } from '../../../core/prompt.js';
import type { Prediction } from '../../../service/prediction.js';
import { FORM, invalid as invalidFields } from '../../problems.js';
import { ModelName, type PromptRequest } from '../../schemas/requests.js';
import { readGeoreference } from './georeference.js';

/** Asks for a picture in place of masks. */
export const OverlayQuery = Type.Object(
  {
    model: ModelName,
    overlay: Type.Optional(
      Type.Unsafe<'0' | '1'>({
        type: 'string',
        enum: ['0', '1'],
        description: '1 answers with the photograph and the best masks drawn on it.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** What a request asks, in the domain's form. */
export interface PromptList {
  readonly prompts: readonly Prompt[];
  /** Undefined where `Accept` decides. */
  readonly format: MaskFormat | undefined;
  readonly options: Omit<MaskOptions, 'format'>;
  readonly leniency: PromptLeniency;
  /** Whether the one prompt stood at the top level. */
  readonly single: boolean;
}

const PROMPT_FIELDS = ['point_coords', 'point_labels', 'box', 'mask_input'] as const;

/**
 * Takes the prompts of a request that has passed its schema.
 * @throws SamError `invalid-request` when fields stand together that exclude each other
 */
export function readPrompts(body: PromptRequest): PromptList {
  const { prompts, format, ...rest } = body;
  const { min_area, min_mask_region_area, simplify, transform, bounds, ...further } = rest;
  const { return_logits, return_logits_token, logits_dtype, ...asked } = further;
  const { clip = false, on_error = 'fail', ...prompt } = asked;
  const common = { format, options: readOptions(rest), leniency: { clip, onError: on_error } };
  if (!prompts) return { prompts: [prompt], ...common, single: true };
  const both = PROMPT_FIELDS.find((field) => prompt[field] !== undefined);
  if (both) throw violation('invalid-request', `/${both}`, 'must not stand beside prompts');
  // What is left at the top level is multimask_output, if anything.
  return {
    prompts: prompts.map((own) => ({ ...prompt, ...own })),
    ...common,
    single: false,
  };
}

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

/**
 * Checks that bad prompts have a place for their errors.
 * @param isJson whether the answer is the one with `results`.
 * @throws SamError `invalid-request`
 */
export function checkLeniency({ leniency: { onError } }: PromptList, isJson: boolean): void {
  if (onError === 'fail' || isJson) return;
  throw violation(
    'invalid-request',
    '/on_error',
    'result is for answers in JSON: accept application/json',
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

/** The fields of a form, once they fit their schema. @throws SamError `invalid-request` */
export function validated<T extends TSchema>(
  request: FastifyRequest,
  schema: T,
  fields: Record<string, unknown>,
): Static<T> {
  const validate = request.compileValidationSchema(schema, 'body');
  if (validate(fields)) return fields as Static<T>;
  throw invalidFields(validate.errors ?? [], FORM, fields);
}

/** Runs `work`, whose errors name `/prompts/0`, for a prompt that stood at the top level. */
export async function located(
  { single }: PromptList,
  work: () => Promise<Prediction>,
): Promise<Prediction> {
  if (!single) return work();
  try {
    const prediction = await work();
    const results = prediction.results.map((result) =>
      result.error ? { ...result, error: atTopLevel(result.error) } : result,
    );
    return { ...prediction, results };
  } catch (error) {
    throw error instanceof SamError ? atTopLevel(error) : error;
  }
}

function atTopLevel(error: SamError): SamError {
  if (error.violations.length === 0) return error;
  const { code, message, violations } = error;
  return new SamError(code, message.replaceAll('/prompts/0', '').trim(), {
    violations: violations.map(({ path, message }) => ({
      path: path.replace('/prompts/0', ''),
      message,
    })),
  });
}
