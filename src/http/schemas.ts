import { type Static, type TSchema, Type } from 'typebox';
import { ERROR_CODES } from '../core/errors.js';
import { MASK_FORMATS, type PromptResult } from '../core/mask.js';
import type { Box, Point } from '../core/prompt.js';

/** Refuses fields nobody reads: a misspelt option must not pass in silence. */
const strict = { additionalProperties: false };

/** `enum` reads better in a document and in an error than a union of literals. */
function choice<const T extends string>(values: readonly T[], options: Record<string, unknown> = {}) {
  return Type.Unsafe<T>({ type: 'string', enum: values, ...options });
}

/** A mention of a shared schema: by name in the document, by shape for the compiler. */
export function ref<T extends TSchema>(schema: T) {
  return Type.Unsafe<Static<T>>({ $ref: `${(schema as { $id?: string }).$id}#` });
}

const Dtype = choice(['float16', 'float32']);

export const LowResLogits = Type.Object(
  {
    dtype: Dtype,
    data: Type.String({
      description: 'Base64 of 256x256 little-endian logits, row by row.',
      contentEncoding: 'base64',
    }),
  },
  {
    ...strict,
    $id: 'LowResLogits',
    description:
      'Logits of an earlier answer. What `return_logits` gave back as `low_res_logits` is a valid `mask_input`.',
  },
);

const Label = Type.Unsafe<number>({ type: 'integer', enum: [0, 1] });

const PROMPT_FIELDS = {
  point_coords: Type.Optional(
    Type.Array(Type.Unsafe<Point>(Type.Array(Type.Number(), { minItems: 2, maxItems: 2 })), {
      description: 'Points [x, y] in pixels of the oriented image; (0,0) is its top-left corner.',
      examples: [[[575, 750]]],
    }),
  ),
  point_labels: Type.Optional(
    Type.Array(Label, {
      description: 'One label a point: 1 foreground, 0 background.',
      examples: [[1]],
    }),
  ),
  box: Type.Optional(
    Type.Unsafe<Box>(
      Type.Array(Type.Number(), {
        minItems: 4,
        maxItems: 4,
        description: 'A box [x1, y1, x2, y2] around the object.',
        examples: [[425, 600, 700, 875]],
      }),
    ),
  ),
  mask_input: Type.Optional(ref(LowResLogits)),
  multimask_output: Type.Optional(
    Type.Boolean({
      description:
        'Three masks (true) or one (false). By default a lone point without box or mask_input, which is ' +
        'ambiguous, gets three and everything else one, as the authors of SAM advise.',
    }),
  ),
};

export const Prompt = Type.Object(PROMPT_FIELDS, { ...strict, $id: 'Prompt' });

const REQUEST_FIELDS = {
  ...PROMPT_FIELDS,
  prompts: Type.Optional(
    Type.Array(ref(Prompt), {
      minItems: 1,
      description:
        'Many prompts; a single one may stand at the top level instead. `multimask_output` at the top level ' +
        'holds for those prompts that have none of their own.',
    }),
  ),
  format: Type.Optional(
    choice(MASK_FORMATS, {
      default: 'rle',
      description: 'COCO RLE compressed or uncompressed, or a PNG of the size of the image in base64.',
    }),
  ),
  return_logits: Type.Optional(
    Type.Boolean({ default: false, description: 'Give each mask its `low_res_logits`.' }),
  ),
  logits_dtype: Type.Optional(
    choice(['float16', 'float32'], {
      default: 'float32',
      description: 'Number format of `low_res_logits`.',
    }),
  ),
};

const EmbeddingId = Type.String({
  description: '`<model>:<sha256 of the uploaded bytes in lower-case hex>`',
  examples: ['mobile_sam:d1a8a1a5f0a32da0e2a3c8ba4a3c3b3e0c1e8a3ad1a6e0ab1a2b5d2e4f6a7b8c'],
});

/** The prompts of `/segment`, whose form fields make up such an object. */
export const PromptRequest = Type.Object(REQUEST_FIELDS, { ...strict, $id: 'PromptRequest' });
export type PromptRequest = Static<typeof PromptRequest>;

export const DecodeRequest = Type.Object(
  { embedding_id: EmbeddingId, ...REQUEST_FIELDS },
  { ...strict, $id: 'DecodeRequest' },
);

export const ImageJson = Type.Object(
  {
    image: Type.Object(
      {
        base64: Type.String({
          minLength: 1,
          description: 'The image file in base64, plain or as a data URI.',
        }),
      },
      strict,
    ),
  },
  { ...strict, $id: 'ImageJson' },
);

const Size = Type.Array(Type.Integer(), {
  minItems: 2,
  maxItems: 2,
  description: '[height, width]',
});

export const Mask = Type.Object(
  {
    segmentation: Type.Union([
      Type.Object({ size: Size, counts: Type.String() }, { title: 'COCO RLE', ...strict }),
      Type.Object(
        { size: Size, counts: Type.Array(Type.Integer()) },
        { title: 'COCO RLE, uncompressed', ...strict },
      ),
      Type.Object(
        { size: Size, png: Type.String({ contentEncoding: 'base64' }) },
        { title: 'PNG, 255 inside', ...strict },
      ),
    ]),
    predicted_iou: Type.Number({ description: "The model's own estimate of the mask's quality." }),
    stability_score: Type.Number({
      description: 'IoU of the mask cut at +1 with the mask cut at -1: 1 is a firm edge.',
    }),
    bbox: Type.Array(Type.Number(), {
      minItems: 4,
      maxItems: 4,
      description: '[x, y, width, height] of the smallest box around the mask; zeros when it is empty.',
    }),
    area: Type.Integer({ description: 'Pixels inside the mask.' }),
    low_res_logits: Type.Optional(ref(LowResLogits)),
  },
  { ...strict, $id: 'Mask' },
);

const Timings = Type.Record(Type.String(), Type.Number(), {
  description: 'Milliseconds by step.',
});

const Width = Type.Integer({ description: 'Of the oriented image, in pixels.' });
const Height = Type.Integer({ description: 'Of the oriented image, in pixels.' });

export const EmbedResponse = Type.Object(
  {
    embedding_id: EmbeddingId,
    model: Type.String(),
    width: Width,
    height: Height,
    cached: Type.Boolean({ description: 'Whether it was there before this request.' }),
    flight: choice(['computed', 'joined', 'cached'], {
      description: 'Made by this request, by another that was under way, or found in the cache.',
    }),
    timings: Timings,
  },
  { ...strict, $id: 'EmbedResponse' },
);

export const DecodeResponse = Type.Object(
  {
    embedding_id: EmbeddingId,
    width: Width,
    height: Height,
    results: Type.Unsafe<readonly PromptResult[]>(
      Type.Array(Type.Object({ masks: Type.Array(ref(Mask)) }, strict), {
        description:
          '`results[i]` answers `prompts[i]`; its masks are sorted by predicted IoU, best first.',
      }),
    ),
    timings: Timings,
  },
  { ...strict, $id: 'DecodeResponse' },
);

export const EmbeddingInfo = Type.Object(
  {
    embedding_id: EmbeddingId,
    model: Type.String(),
    width: Width,
    height: Height,
    shape: Type.Array(Type.Integer()),
    dtype: Dtype,
    fingerprint: Type.String({
      description: 'Changes with the model files, the preprocessing and the number format.',
    }),
  },
  { ...strict, $id: 'EmbeddingInfo' },
);

const Network = Type.Object({ provider: Type.String(), sha256: Type.String() }, strict);

export const ModelList = Type.Object(
  {
    models: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          title: Type.String(),
          license: Type.String(),
          source: Type.String(),
          architecture: Type.String(),
          image_size: Type.Integer(),
          fingerprint: Type.String(),
          encoder: Network,
          decoder: Network,
        },
        strict,
      ),
    ),
  },
  { ...strict, $id: 'ModelList' },
);

export const Status = Type.Object({ status: Type.String() }, { ...strict, $id: 'Status' });

export const Problem = Type.Object(
  {
    type: choice(ERROR_CODES.map((code) => `/problems/${code}`)),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    requestId: Type.String(),
    errors: Type.Optional(
      Type.Array(Type.Object({ path: Type.String(), message: Type.String() }, strict)),
    ),
  },
  { ...strict, $id: 'Problem', description: 'RFC 9457 problem details.' },
);

/** Everything routes mention by name. */
export const SHARED_SCHEMAS: readonly TSchema[] = [
  LowResLogits,
  Prompt,
  PromptRequest,
  DecodeRequest,
  ImageJson,
  Mask,
  EmbedResponse,
  DecodeResponse,
  EmbeddingInfo,
  ModelList,
  Status,
  Problem,
];
