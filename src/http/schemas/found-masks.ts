import { Type } from 'typebox';
import type { EverythingMask } from '../../core/everything.js';
import { MASK_FIELDS } from './masks.js';
import { EmbeddingId } from './requests.js';
import { Height, Timings, Warnings, Width } from './responses.js';
import { strict } from './schema.js';

/** What is said of a mask that was found. */
const FOUND_FIELDS = {
  ...MASK_FIELDS,
  point_coords: Type.Array(Type.Array(Type.Number()), {
    description: 'The point the mask answers; none where it answers a box.',
  }),
  box: Type.Optional(
    Type.Array(Type.Number(), {
      minItems: 4,
      maxItems: 4,
      description: 'With `proposals`, the box [x1, y1, x2, y2] that the mask answers.',
    }),
  ),
  objectness: Type.Optional(
    Type.Number({
      description: 'With `proposals`, how likely the box holds anything, from 0 to 1.',
    }),
  ),
  label: Type.Optional(
    Type.String({ description: 'With `labels`, the phrase the mask is called by, if one fits.' }),
  ),
  text_score: Type.Optional(
    Type.Number({ description: 'How well it answers the phrase, from 0 to 1.' }),
  ),
  crop_box: Type.Array(Type.Integer(), {
    minItems: 4,
    maxItems: 4,
    description: '[x, y, width, height] of the crop it was found in.',
  }),
};

export const CocoFile = Type.Object(
  {
    images: Type.Array(
      Type.Object(
        {
          id: Type.Integer(),
          file_name: Type.String({ description: 'The `embedding_id`.' }),
          width: Width,
          height: Height,
        },
        strict,
      ),
    ),
    categories: Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() }, strict)),
    annotations: Type.Array(
      Type.Object(
        {
          id: Type.Integer({ description: 'From 1, in the order of `masks`.' }),
          image_id: Type.Integer(),
          category_id: Type.Integer({
            description: "Its label's; 1, `object`, where it has none.",
          }),
          iscrowd: Type.Integer(),
          ...FOUND_FIELDS,
        },
        strict,
      ),
    ),
  },
  { ...strict, $id: 'CocoFile', description: 'The answer of `/everything` in the format `coco`.' },
);

export const EverythingResponse = Type.Object(
  {
    embedding_id: EmbeddingId,
    width: Width,
    height: Height,
    masks: Type.Unsafe<readonly EverythingMask[]>(
      Type.Array(Type.Object(FOUND_FIELDS, strict), {
        description: 'Best predicted IoU first; with crops, those of smaller crops first.',
      }),
    ),
    warnings: Warnings,
    timings: Timings,
  },
  { ...strict, $id: 'EverythingResponse' },
);
