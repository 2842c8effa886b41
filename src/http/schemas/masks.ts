import { Type } from 'typebox';
import type { MaskFormat, Segmentations } from '../../core/mask.js';
import { Dtype, LowResLogits } from './mask-input.js';
import { ref, strict } from './schema.js';

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
