import type { PackedRunLengths, RunLengths } from './masks/run-lengths.js';
import type { Dtype, Tensor } from './tensors/tensor.js';

type Size = readonly [height: number, width: number];

/** COCO's compressed run-length encoding. */
export interface Rle {
  readonly size: Size;
  readonly counts: string;
}

/** COCO's uncompressed form. */
export interface RleCounts {
  readonly size: Size;
  readonly counts: RunLengths;
}

/** A PNG of the image's size, in base64: the mask in black and white, or the object cut out. */
export interface PngMask {
  readonly size: Size;
  readonly png: string;
}

/** A closed line, x1, y1, x2, y2... in pixels, the last point joined to the first. */
export type Ring = readonly number[];
/** An outer ring, clockwise on the screen, and then its holes. */
export type Polygon = readonly Ring[];

export interface PolygonMask {
  readonly size: Size;
  readonly polygons: readonly Polygon[];
}

export interface SvgMask {
  readonly size: Size;
  readonly svg: string;
}

/** What Label Studio keeps as the `value` of a brush region. */
export interface LabelStudioRle {
  readonly size: Size;
  readonly format: 'rle';
  readonly rle: readonly number[];
  /** What it is called, where it was looked for by a name. */
  readonly brushlabels?: readonly string[];
}

/** Rings that are filled each by itself, as COCO's annotations have them. */
export interface CocoPolygons {
  readonly size: Size;
  readonly polygons: readonly Ring[];
}

/** A mask as CVAT keeps it. */
export interface CvatMask {
  readonly size: Size;
  readonly type: 'mask';
  readonly points: readonly number[];
  /** Where it was looked for by a name. */
  readonly label?: string;
}

/** Lines of a YOLO label file. */
export interface YoloMask {
  readonly size: Size;
  readonly yolo: string;
}

/** A polygon of a labelme file. */
export interface LabelmeShape {
  readonly label: string;
  readonly points: readonly (readonly number[])[];
  readonly group_id: number;
  readonly shape_type: 'polygon';
  readonly flags: Readonly<Record<string, never>>;
}

export interface LabelmeMask {
  readonly size: Size;
  readonly shapes: readonly LabelmeShape[];
}

type Position = readonly [x: number, y: number];

/** RFC 7946, as far as masks need it. */
export interface FeatureCollection {
  readonly type: 'FeatureCollection';
  readonly features: readonly {
    readonly type: 'Feature';
    readonly geometry:
      | { readonly type: 'Polygon'; readonly coordinates: readonly (readonly Position[])[] }
      | {
          readonly type: 'MultiPolygon';
          readonly coordinates: readonly (readonly (readonly Position[])[])[];
        }
      /** Of an empty mask. */
      | null;
    readonly properties: Readonly<Record<string, unknown>>;
  }[];
}

export interface GeoJsonMask {
  readonly size: Size;
  readonly geojson: FeatureCollection;
}

/** 256x256 logits of an answer, as they travel: base64 of little-endian numbers. */
export interface LowResLogits {
  readonly dtype: Dtype;
  readonly data: string;
}

/** What each format makes of a mask. */
export interface Segmentations {
  readonly rle: Rle;
  readonly rle_counts: RleCounts;
  readonly png: PngMask;
  readonly cutout: PngMask;
  readonly polygon: PolygonMask;
  readonly geojson: GeoJsonMask;
  readonly svg: SvgMask;
  readonly labelstudio_rle: LabelStudioRle;
  readonly coco_polygon: CocoPolygons;
  readonly cvat_rle: CvatMask;
  readonly yolo: YoloMask;
  readonly labelme: LabelmeMask;
  readonly logits: LowResLogits;
}
export type MaskFormat = keyof Segmentations;

/** The media type of a mask that is a file of its own. */
export const MEDIA_TYPES = {
  rle: 'application/json',
  rle_counts: 'application/json',
  png: 'image/png',
  cutout: 'image/png',
  polygon: 'application/json',
  geojson: 'application/geo+json',
  svg: 'image/svg+xml',
  labelstudio_rle: 'application/json',
  coco_polygon: 'application/json',
  cvat_rle: 'application/json',
  yolo: 'text/plain',
  labelme: 'application/json',
  logits: 'application/octet-stream',
} as const satisfies Record<MaskFormat, string>;

export const MASK_FORMATS = Object.keys(MEDIA_TYPES) as MaskFormat[];

/** Of the numbers of a georeference: whatever the unit, the earth is smaller. */
export const LARGEST_COORDINATE = 1e12;

/** Where the image lies, for GeoJSON: an affine map of pixels, or the coordinates of its edges. */
export interface Georeference {
  /** x' = a x + b y + c and y' = d x + e y + f: the order of rasterio's `Affine`. */
  readonly transform?: readonly [a: number, b: number, c: number, d: number, e: number, f: number];
  /** West is above east where the image lies across the antimeridian; they are degrees then. */
  readonly bounds?: readonly [west: number, south: number, east: number, north: number];
}

/** What is said of a mask beside its pixels; the words are those of `SamAutomaticMaskGenerator`. */
export interface MaskScores {
  readonly predicted_iou: number;
  /** IoU of the mask cut one logit above the threshold with the mask cut one below. */
  readonly stability_score: number;
  /** x, y, width, height of the smallest box around the mask's pixels; zeros when the mask is empty. */
  readonly bbox: readonly [x: number, y: number, width: number, height: number];
  /** Number of pixels inside. */
  readonly area: number;
}

/** A mask as it is answered. */
export interface Mask extends MaskScores {
  readonly segmentation: Segmentations[MaskFormat];
  readonly low_res_logits?: LowResLogits;
  /** Of an object that was found by text. */
  readonly label?: string;
  readonly text_score?: number;
  readonly box?: readonly number[];
  /** Stands for the logits, for as long as the service keeps them. */
  readonly logits_token?: string;
}

/** A mask that the decoder has found: written where that takes little, else as what it can be written from. */
export interface FoundMask extends MaskScores {
  readonly segmentation?: Segmentations[MaskFormat];
  /** In shared memory. */
  readonly runs?: PackedRunLengths;
  /** [256,256] in shared memory, in the number format asked for, where the answer has logits. */
  readonly logits?: Tensor;
  /** [256,256] in shared memory, exact, where a token is to stand for them. */
  readonly kept?: Tensor;
  /** Of the answer that it takes at most. */
  readonly bytes: number;
}

/** A mask that is still to be brought to its image's size. */
export interface UncutMask {
  readonly predicted_iou: number;
  /** Logits [256,256] in shared memory. */
  readonly uncut: Tensor;
}

/** The masks of one prompt, best predicted IoU first. */
export interface PromptResult {
  readonly masks: readonly Mask[];
  /** Why there are none. */
  readonly error?: object;
}
