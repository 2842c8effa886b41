import type { MaskFormat, Segmentations } from '../mask.js';

/** What a mask is called. */
export interface MaskName {
  /** The phrase, or what of it goes into answers; none where no phrase fits. */
  readonly label?: string;
  /** How well the object answers it, from 0 to 1, whatever the mask is like. */
  readonly text_score?: number;
  /** Of the phrase among those that were asked for; of a mask without a name behind them all. */
  readonly place: number;
}

/** What the masks of an image may be called. */
export interface MaskNames {
  readonly labels: readonly string[];
  /** [N,6] in shared memory: boxes x1 y1 x2 y2 in pixels, the place of each one's phrase, its score. */
  readonly boxes: Float64Array;
  /** A mask is what a box shows if their IoU is larger. */
  readonly overlap: number;
}

/** Characters of a phrase that go into answers, once for each mask: it is as long as the client likes. */
const MOST = 100;

/** What of a phrase is answered. */
export function labelOf(phrase: string): string {
  return phrase.slice(0, MOST);
}

/** A mask with its name in it, in the formats that have a place for one. */
export function named(
  segmentation: Segmentations[MaskFormat],
  { label, text_score, place }: MaskName,
): Segmentations[MaskFormat] {
  // A class of its own is also what YOLO has for a mask without a name.
  if ('yolo' in segmentation) {
    return { ...segmentation, yolo: segmentation.yolo.replaceAll(/^0 /gm, `${place} `) };
  }
  if (label === undefined) return segmentation;
  if ('geojson' in segmentation) {
    const features = segmentation.geojson.features.map((feature) => ({
      ...feature,
      properties: { ...feature.properties, label, text_score },
    }));
    return { ...segmentation, geojson: { ...segmentation.geojson, features } };
  }
  if ('shapes' in segmentation) {
    return { ...segmentation, shapes: segmentation.shapes.map((shape) => ({ ...shape, label })) };
  }
  if ('rle' in segmentation) return { ...segmentation, brushlabels: [label] };
  if ('points' in segmentation) return { ...segmentation, label };
  return segmentation;
}

/** What labelme says of a corner, and the fewest that a polygon has. */
const LABELLED_CORNERS = 3 * 48;

/** Bytes of a mask in an answer at most, with its name. @param bytes of it without one. */
export function namedBytes(bytes: number, format: MaskFormat, label: string): number {
  const own = Buffer.byteLength(JSON.stringify(label));
  // Beside the mask and in it; in each of labelme's polygons.
  return bytes + own * (2 + (format === 'labelme' ? bytes / LABELLED_CORNERS : 0));
}
