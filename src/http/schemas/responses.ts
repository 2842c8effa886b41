import { Type } from 'typebox';
import { ERROR_CODES } from '../../core/errors.js';
import type { MaskFormat, PromptResult, Segmentations } from '../../core/mask.js';
import { Dtype, LowResLogits } from './mask-input.js';
import { EmbeddingId } from './requests.js';
import { choice, ref, strict } from './schema.js';

const Size = Type.Array(Type.Integer(), {
  minItems: 2,
  maxItems: 2,
  description: '[height, width]',
});

const FeatureCollection = Type.Object(
  { type: Type.Literal('FeatureCollection'), features: Type.Array(Type.Unknown()) },
  { description: 'RFC 7946: one feature a mask, a Polygon or MultiPolygon.', ...strict },
);

/** What every mask says. */
export const MASK_FIELDS = {
  segmentation: Type.Unsafe<Segmentations[MaskFormat]>(
    Type.Union([
      Type.Object({ size: Size, counts: Type.String() }, { title: 'rle: COCO RLE', ...strict }),
      Type.Object(
        { size: Size, counts: Type.Array(Type.Integer()) },
        { title: 'rle_counts: COCO RLE, uncompressed', ...strict },
      ),
      Type.Object(
        { size: Size, png: Type.String({ contentEncoding: 'base64' }) },
        { title: 'png: white inside; cutout: the object on transparent ground', ...strict },
      ),
      Type.Object(
        { size: Size, polygons: Type.Array(Type.Array(Type.Array(Type.Number()))) },
        {
          title: 'polygon: for each its outer ring and its holes, a ring being x1, y1, x2, y2...',
          ...strict,
        },
      ),
      Type.Object({ size: Size, geojson: FeatureCollection }, { title: 'geojson', ...strict }),
      Type.Object({ size: Size, svg: Type.String() }, { title: 'svg', ...strict }),
      Type.Object(
        {
          size: Size,
          format: Type.Literal('rle'),
          rle: Type.Array(Type.Integer()),
          brushlabels: Type.Optional(Type.Array(Type.String())),
        },
        { title: 'labelstudio_rle, with its label where it has one', ...strict },
      ),
      Type.Object(
        { size: Size, polygons: Type.Array(Type.Array(Type.Number())) },
        { title: 'coco_polygon: rings without holes, x1, y1, x2, y2...', ...strict },
      ),
      Type.Object(
        {
          size: Size,
          type: Type.Literal('mask'),
          points: Type.Array(Type.Integer()),
          label: Type.Optional(Type.String()),
        },
        {
          title:
            'cvat_rle: run lengths in the box row by row, background first, then its left, top, right and bottom pixels',
          ...strict,
        },
      ),
      Type.Object(
        { size: Size, yolo: Type.String() },
        {
          title:
            'yolo: for each part a line, its class (0, or the place of its label) and its corners from 0 to 1',
          ...strict,
        },
      ),
      Type.Object(
        {
          size: Size,
          shapes: Type.Array(
            Type.Object(
              {
                label: Type.String(),
                points: Type.Array(Type.Array(Type.Number())),
                group_id: Type.Integer(),
                shape_type: Type.Literal('polygon'),
                flags: Type.Object({}),
              },
              strict,
            ),
          ),
        },
        { title: 'labelme', ...strict },
      ),
      Type.Object(
        { dtype: Dtype, data: Type.String({ contentEncoding: 'base64' }) },
        { title: 'logits', ...strict },
      ),
    ]),
  ),
  predicted_iou: Type.Number({ description: "The model's own estimate of the mask's quality." }),
  stability_score: Type.Number({
    description: 'IoU of the mask cut at +1 with the mask cut at -1: 1 is a firm edge.',
  }),
  bbox: Type.Array(Type.Number(), {
    minItems: 4,
    maxItems: 4,
    description:
      '[x, y, width, height] of the smallest box around the mask in pixels, as COCO has it: (x, y) is its top-left corner. ' +
      'Zeros when the mask is empty. As a `box` it is [x, y, x + width, y + height].',
  }),
  area: Type.Integer({ description: 'Pixels inside the mask.' }),
};

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
      'like fractions, a mask that is empty, no mask at all. Absent where there is nothing to say.',
  }),
);

export const Mask = Type.Object(
  {
    ...MASK_FIELDS,
    label: Type.Optional(
      Type.String({ description: 'The phrase that the object answers, its first 100 characters.' }),
    ),
    text_score: Type.Optional(
      Type.Number({
        description:
          'How well the object answers the phrase, from 0 to 1. It says nothing of the mask, as `predicted_iou` says nothing ' +
          'of the phrase.',
      }),
    ),
    box: Type.Optional(
      Type.Array(Type.Number(), {
        minItems: 4,
        maxItems: 4,
        description:
          'The object that was found, [x1, y1, x2, y2] in pixels: the mask is made from it.',
      }),
    ),
    low_res_logits: Type.Optional(ref(LowResLogits)),
    logits_token: Type.Optional(
      Type.String({ description: 'Stands for the logits in a `mask_input`, for a while.' }),
    ),
  },
  { ...strict, $id: 'Mask' },
);

export const Timings = Type.Record(Type.String(), Type.Number(), {
  description: 'Milliseconds by step.',
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
