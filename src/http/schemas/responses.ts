import { Type } from 'typebox';
import { ERROR_CODES } from '../../core/errors.js';
import type { PromptResult } from '../../core/mask.js';
import { Dtype } from './mask-input.js';
import { Mask } from './masks.js';
import { EmbeddingId } from './requests.js';
import { choice, ref, strict } from './schema.js';

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

export const Warnings = Type.Optional(
  Type.Array(Type.String(), {
    description:
      'Sentences for people about what was answered but looks as if something else was meant: coordinates that look ' +
      'like fractions, a mask that is empty, no mask at all, a text that was cut. Absent where there is nothing to say.',
  }),
);

export const Timings = Type.Record(Type.String(), Type.Number(), {
  description:
    'Milliseconds by step: those of all prompts together, which wait and run beside each other. `total_ms` is by the clock.',
});

export const Width = Type.Integer({ description: 'Of the oriented image, in pixels.' });
export const Height = Type.Integer({ description: 'Of the oriented image, in pixels.' });

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
    tier: Type.Optional(
      choice(['memory', 'disk', 'shared'], {
        description: 'Which tier of the cache had it, if one did.',
      }),
    ),
    warnings: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'Sentences for people about what looks wrong with the image: 16 bits of which it uses only the lowest. ' +
          'Absent where there is nothing to say, and for an image that was cached.',
      }),
    ),
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
      Type.Array(
        Type.Object({ masks: Type.Array(ref(Mask)), error: Type.Optional(ref(Problem)) }, strict),
        {
          description:
            '`results[i]` answers `prompts[i]`, of whose `text` each phrase counts as one; its masks are sorted by predicted IoU, best first. With ' +
            '`on_error: "result"` one without masks has the `error` in their place.',
        },
      ),
    ),
    warnings: Warnings,
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
    shape: Type.Array(Type.Integer(), { description: 'Of the first tensor.' }),
    dtype: Dtype,
    tensors: Type.Record(
      Type.String(),
      Type.Object({ dtype: Dtype, shape: Type.Array(Type.Integer()) }, strict),
      { description: 'All that is kept of the image, by name.' },
    ),
    fingerprint: Type.String({
      description:
        'Changes with the model files, the preprocessing, the precision and the number format.',
    }),
  },
  { ...strict, $id: 'EmbeddingInfo' },
);

export const Status = Type.Object({ status: Type.String() }, { ...strict, $id: 'Status' });
