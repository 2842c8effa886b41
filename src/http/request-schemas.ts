import { type Static, Type } from 'typebox';
import { MASK_FORMATS } from '../core/mask.js';
import type { Box, Point } from '../core/prompt.js';
import { choice, ref, strict } from './schema.js';

export const Dtype = choice(['float16', 'float32']);

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
      description:
        'COCO RLE compressed or uncompressed, or a PNG of the size of the image in base64.',
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

export const EmbeddingId = Type.String({
  description: '`<model>:<sha256 of the uploaded bytes in lower-case hex>`',
  examples: ['mobile_sam:d1a8a1a5f0a32da0e2a3c8ba4a3c3b3e0c1e8a3ad1a6e0ab1a2b5d2e4f6a7b8c'],
});

export const ModelName = Type.Optional(
  Type.String({ description: 'A model that `/models` lists; the first of them by default.' }),
);

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
