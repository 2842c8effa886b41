import { type Static, type TSchema, Type } from 'typebox';
import { EVERYTHING_DEFAULTS, type EverythingParameters } from '../../core/everything.js';
import { MASK_FORMATS } from '../../core/mask.js';
import type { Point } from '../../core/prompt.js';
import { EXAMPLE_ID } from './example.js';
import { FIND_FIELDS } from './find.js';
import { EmbeddingId, OUTLINE_FIELDS } from './requests.js';
import { choice, strict } from './schema.js';

/** A number of everything mode, with its default. */
function parameter(
  name: keyof EverythingParameters,
  kind: 'integer' | 'number',
  description: string,
  range: { minimum?: number; exclusiveMinimum?: number; maximum?: number },
) {
  const options = { default: EVERYTHING_DEFAULTS[name], description, ...range };
  return Type.Optional(kind === 'integer' ? Type.Integer(options) : Type.Number(options));
}

const share = { minimum: 0, maximum: 1 };

/** An optional field as elsewhere, for another purpose. */
function described<T extends TSchema>(field: T, description: string) {
  return Type.Optional({ ...field, description } as T);
}

const FIELDS = {
  points_per_side: parameter(
    'points_per_side',
    'integer',
    'Points along one side of the grid of the whole image.',
    { minimum: 1, maximum: 128 },
  ),
  point_grids: Type.Optional(
    Type.Array(
      Type.Array(
        Type.Unsafe<Point>(
          Type.Array(Type.Number({ minimum: 0, maximum: 1 }), { minItems: 2, maxItems: 2 }),
        ),
        { minItems: 1 },
      ),
      {
        minItems: 1,
        maxItems: 4,
        description:
          'In place of `points_per_side`: for each layer of crops (`crop_n_layers` + 1) its points [x, y], from 0 to 1 ' +
          "along each crop's sides.",
      },
    ),
  ),
  strategy: Type.Optional(
    choice(['grid', 'adaptive'], {
      default: 'grid',
      description:
        '`grid` asks about every point, as SAM does. `adaptive` goes from coarse to fine and leaves out points whose ' +
        'masks those around them tell: most of the same masks from 9 points of 32.',
    }),
  ),
  points_per_batch: parameter(
    'points_per_batch',
    'integer',
    'Most points the decoder gets at once. Changes no mask.',
    { minimum: 1, maximum: 1024 },
  ),
  // Without a default in the schema, which would be filled in: each family of models has its own.
  pred_iou_thresh: Type.Optional(
    Type.Number({
      ...share,
      description:
        'Masks are dropped whose predicted IoU is not above. By default 0.88, as in SAM, and 0.8 with a SAM 2; `/models` ' +
        'says what holds for which.',
    }),
  ),
  stability_score_thresh: parameter(
    'stability_score_thresh',
    'number',
    'Masks are dropped whose stability score is below.',
    share,
  ),
  stability_score_offset: parameter(
    'stability_score_offset',
    'number',
    'How far the threshold is moved both ways for the stability score.',
    { minimum: 0, maximum: 100 },
  ),
  box_nms_thresh: parameter(
    'box_nms_thresh',
    'number',
    'Of two masks whose boxes have a larger IoU, the one of lower predicted IoU goes.',
    share,
  ),
  crop_n_layers: parameter(
    'crop_n_layers',
    'integer',
    'Layers of crops to search too; layer i has 2^i by 2^i. Crops need the image: send a form.',
    { minimum: 0, maximum: 3 },
  ),
  crop_nms_thresh: parameter(
    'crop_nms_thresh',
    'number',
    'As `box_nms_thresh`, between masks of different crops; those of smaller crops stay.',
    share,
  ),
  crop_overlap_ratio: parameter(
    'crop_overlap_ratio',
    'number',
    "How much the crops of the first layer overlap, as a share of the image's shorter side.",
    share,
  ),
  crop_n_points_downscale_factor: parameter(
    'crop_n_points_downscale_factor',
    'integer',
    'What `points_per_side` is divided by from layer to layer.',
    { minimum: 1, maximum: 128 },
  ),
  min_mask_region_area: parameter(
    'min_mask_region_area',
    'integer',
    'Islands and holes of fewer pixels are removed in the end.',
    { minimum: 0 },
  ),
  min_area: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: 'The name that `min_mask_region_area` has in `/decode`.',
    }),
  ),
  labels: Type.Optional(
    Type.Array(Type.String(), {
      minItems: 1,
      description:
        'Noun phrases by which masks are called: each gets the `label` and `text_score` of the best of the boxes found for ' +
        'them whose IoU with its own box is above `text_nms_thresh`; without such a box it has no name. For images that were ' +
        'embedded with `text=true`, or that come along.',
      examples: [['a car', 'a tree']],
    }),
  ),
  text_threshold: described(
    FIND_FIELDS.text_threshold,
    'For `labels`: a box takes part if its `text_score` is above.',
  ),
  text_nms_thresh: described(
    FIND_FIELDS.text_nms_thresh,
    'For `labels`: a box fits a mask if their IoU is larger.',
  ),
  templates: FIND_FIELDS.templates,
  proposals: Type.Optional(
    choice(['objectness'], {
      description:
        'In place of a grid: the boxes that most likely hold anything, whatever it is called, of two with an IoU above ' +
        '`box_nms_thresh` the better one. Each is a prompt with one mask. Needs an image as `labels` do.',
    }),
  ),
  max_detections: described(
    FIND_FIELDS.max_detections,
    'For `proposals`: so many boxes at most, the best.',
  ),
  // Without a default in the schema, which would be filled in: where no format was sent, `Accept` decides.
  format: Type.Optional(
    choice(
      [...MASK_FORMATS.filter((format) => format !== 'cutout' && format !== 'logits'), 'coco'],
      {
        description:
          'How masks are written, as in `/decode`; `rle` by default, or what `Accept` asks for. `coco`: the whole answer as a COCO file with `images`, `categories` and ' +
          '`annotations`, their masks as `rle`.',
      },
    ),
  ),
  ...OUTLINE_FIELDS,
};

export const EverythingFields = Type.Object(FIELDS, { ...strict, $id: 'EverythingFields' });
export type EverythingFields = Static<typeof EverythingFields>;

export const EverythingRequest = Type.Object(
  { embedding_id: EmbeddingId, ...FIELDS },
  {
    ...strict,
    $id: 'EverythingRequest',
    examples: [{ embedding_id: EXAMPLE_ID, points_per_side: 8 }],
  },
);
export type EverythingRequest = Static<typeof EverythingRequest>;
