import { Type } from 'typebox';
import type { MaskInput as Input } from '../../core/prompt.js';
import { DTYPES } from '../../core/tensors/tensor.js';
import { choice, strict } from './schema.js';

export const Dtype = choice(DTYPES);

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
    description: 'Logits of a mask, before they are upscaled: a valid `mask_input`.',
  },
);

export const MaskInput = Type.Unsafe<Input>(
  Type.Object(
    {
      dtype: Type.Optional(Dtype),
      data: Type.Optional(Type.String({ contentEncoding: 'base64' })),
      token: Type.Optional(
        Type.String({
          description: "A mask's `logits_token`, while the service keeps its logits.",
        }),
      ),
      size: Type.Optional(
        Type.Array(Type.Integer(), {
          minItems: 2,
          maxItems: 2,
          description: '[height, width] of the image.',
        }),
      ),
      counts: Type.Optional(
        Type.Union([Type.String(), Type.Array(Type.Integer({ minimum: 0 }))], {
          description: 'COCO RLE, compressed or not.',
        }),
      ),
      png: Type.Optional(
        Type.String({
          contentEncoding: 'base64',
          description:
            'A PNG of the size of the image, plain base64 or a data URI. Inside is what is at least half opaque; where ' +
            'everything is, what is at least half white; where nothing is that light, as in a file of zeros and ones, ' +
            'what is not black; and of a palette with colours, all that has not the first of them.',
        }),
      ),
    },
    {
      ...strict,
      $id: 'MaskInput',
      description:
        'A mask to refine: `{dtype, data}`, the logits of an earlier answer; `{token}`, which stands for them; or a ' +
        'mask of the size of the image, `{size, counts}` or `{png}`. Such a mask has lost its logits: they are made ' +
        'up from how much of each place it covers, so that it only approximates a refinement with the real ones.',
    },
  ),
);
