import { type Static, Type } from 'typebox';
import { LARGEST_COORDINATE, MASK_FORMATS } from '../../core/mask.js';
import type { Point } from '../../core/prompt.js';
import { DTYPES } from '../../core/tensors/tensor.js';
import { EXAMPLE_BOX, EXAMPLE_ID, EXAMPLE_IMAGE, EXAMPLE_POINT } from './example.js';
import { BoxOf, FIND_FIELDS, SEARCH_FIELDS } from './find.js';
import { MaskInput } from './mask-input.js';
import { choice, ref, strict } from './schema.js';

const Label = Type.Unsafe<number>({ type: 'integer', enum: [0, 1] });

const PROMPT_FIELDS = {
  point_coords: Type.Optional(
    Type.Array(Type.Unsafe<Point>(Type.Array(Type.Number(), { minItems: 2, maxItems: 2 })), {
      description: 'Points [x, y] in pixels of the oriented image; (0,0) is its top-left corner.',
      examples: [[EXAMPLE_POINT]],
    }),
  ),
  point_labels: Type.Optional(
    Type.Array(Label, {
      description: 'One label a point: 1 foreground, 0 background.',
      examples: [[1]],
    }),
  ),
  box: Type.Optional(
    BoxOf('A box [x1, y1, x2, y2] around the object in pixels: two corners, not width and height.'),
  ),
  mask_input: Type.Optional(ref(MaskInput)),
  multimask_output: Type.Optional(
    Type.Boolean({
      description:
        'Three masks (true) or one (false). By default a lone point without box or mask_input, which is ' +
        'ambiguous, gets three and everything else one, as the authors of SAM advise.',
    }),
  ),
  ...SEARCH_FIELDS,
};

export const Prompt = Type.Object(PROMPT_FIELDS, { ...strict, $id: 'Prompt' });

const Placed = Type.Number({ minimum: -LARGEST_COORDINATE, maximum: LARGEST_COORDINATE });

/** How outlines are written. */
export const OUTLINE_FIELDS = {
  simplify: Type.Optional(
    Type.Number({
      minimum: 0,
      default: 0,
      description:
        'Leaves out corners of outlines that move them by no more pixels; 0 is exact. No ring is lost, none crosses ' +
        'itself or another, and more pixels never leave more corners. For `polygon`, `geojson`, `svg`, `coco_polygon`, `yolo`, `labelme`.',
    }),
  ),
  transform: Type.Optional(
    Type.Array(Placed, {
      minItems: 6,
      maxItems: 9,
      description:
        "[a, b, c, d, e, f] for `geojson`: x' = a x + b y + c, y' = d x + e y + f, as rasterio's `Affine`, of which all " +
        "nine numbers may come, the last 0, 0, 1. GDAL's order is another, [c, a, b, f, d, e].",
    }),
  ),
  bounds: Type.Optional(
    Type.Unsafe<[number, number, number, number]>(
      Type.Array(Placed, {
        minItems: 4,
        maxItems: 4,
        description:
          '[west, south, east, north] of the image for `geojson`, in place of `transform`: west < east and south < ' +
          'north. Only in degrees, for an image across the antimeridian, is west above east; its polygons are cut there.',
      }),
    ),
  ),
};

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
      description:
        'How masks are written; `rle` by default, or what `Accept` asks for. `rle`, `rle_counts`: COCO RLE, compressed ' +
        'or not. `png`: one bit a pixel. `cutout`: the object itself on transparent ground, as a PNG; for `/segment`. ' +
        '`polygon`: outlines along the edges of pixels, with holes. `geojson`: a FeatureCollection. `svg`: a path. ' +
        '`labelstudio_rle`: what Label Studio keeps for a brush. `coco_polygon`: outlines without holes, a list of rings, as ' +
        'COCO has them. `cvat_rle`: `type` and `points` of a CVAT mask. `yolo`: lines of a YOLO label file, class 0, or the place of its ' +
        'phrase in `text`. ' +
        '`labelme`: `shapes` of a labelme file. `logits`: 256x256, before upscaling.',
    }),
  ),
  ...FIND_FIELDS,
  min_area: Type.Optional(
    Type.Integer({
      minimum: 0,
      default: 0,
      description:
        'Removes islands and fills holes of fewer pixels, as `remove_small_regions` does.',
    }),
  ),
  min_mask_region_area: Type.Optional(
    Type.Integer({ minimum: 0, description: 'The name that `min_area` has in everything mode.' }),
  ),
  clip: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        'Moves points and boxes that reach out of the image to its edge; without it they are refused.',
    }),
  ),
  on_error: Type.Optional(
    choice(['fail', 'result'], {
      default: 'fail',
      description:
        'What a prompt does that cannot be answered, as it lies outside the image, lacks a label or has another shape: ' +
        'it fails its request, or its own result has the `error` and no masks. For answers in JSON.',
    }),
  ),
  ...OUTLINE_FIELDS,
  return_logits: Type.Optional(
    Type.Boolean({ default: false, description: 'Give each mask its `low_res_logits`.' }),
  ),
  return_logits_token: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        'Keep the logits for a while and give each mask a `logits_token`, which a `mask_input` may hold in their place.',
    }),
  ),
  logits_dtype: Type.Optional(
    choice(DTYPES, {
      default: 'float32',
      description: 'Number format of `low_res_logits` and of the format `logits`.',
    }),
  ),
};

export const EmbeddingId = Type.String({
  description: '`<model>:<sha256 of the uploaded bytes in lower-case hex>`',
  examples: [EXAMPLE_ID],
});

/** Of paths that name an embedding. */
export const EmbeddingParams = Type.Object({ id: Type.String() }, { additionalProperties: false });

export const ModelName = Type.Optional(
  Type.String({ description: 'A model that `/models` lists; the first of them by default.' }),
);

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

/** The prompts of `/segment`, whose form fields make up such an object. */
export const PromptRequest = Type.Object(REQUEST_FIELDS, { ...strict, $id: 'PromptRequest' });
export type PromptRequest = Static<typeof PromptRequest>;

export const DecodeRequest = Type.Object(
  { embedding_id: EmbeddingId, ...REQUEST_FIELDS },
  {
    ...strict,
    $id: 'DecodeRequest',
    examples: [{ embedding_id: EXAMPLE_ID, point_coords: [EXAMPLE_POINT], point_labels: [1] }],
  },
);

const NamedImage = Type.Object(
  {
    base64: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The image file in base64, plain or as a data URI.',
      }),
    ),
    url: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2048,
        description: 'Where the image file is to be fetched, where the service allows it.',
      }),
    ),
  },
  { ...strict, minProperties: 1, maxProperties: 1 },
);

export const ImageJson = Type.Object(
  { image: NamedImage },
  { ...strict, $id: 'ImageJson', examples: [{ image: { base64: EXAMPLE_IMAGE } }] },
);

/** `/segment` in JSON. */
export const SegmentRequest = Type.Object(
  { image: NamedImage, ...REQUEST_FIELDS },
  {
    ...strict,
    $id: 'SegmentRequest',
    examples: [{ image: { base64: EXAMPLE_IMAGE }, box: EXAMPLE_BOX, format: 'png' }],
  },
);
export type SegmentRequest = Static<typeof SegmentRequest>;
