import type { ImageSize } from '../../core/image.js';
import type {
  FeatureCollection,
  MaskFormat,
  Polygon,
  Ring,
  Segmentations,
} from '../../core/mask.js';
import type { RunLengths } from '../../core/masks/run-lengths.js';
import type { MaskOptions } from '../../core/ports.js';
import { antimeridianOf, traceHalves } from '../outlines/antimeridian.js';
import { tracePolygons } from '../outlines/polygons.js';
import { simplifyPolygons } from '../outlines/simplify.js';
import { traceWithoutHoles } from '../outlines/slabs.js';
import { toLabelme, toYolo } from './annotations.js';
import { toCvat } from './cvat.js';
import { placement, placementOfHalves, toGeoJson } from './geojson.js';
import { toLabelStudio } from './label-studio.js';
import { encodePng } from './png.js';
import { compress } from './rle.js';
import { toSvg } from './svg.js';

/** All a format may want to know of a mask. */
export interface Subject {
  readonly counts: RunLengths;
  readonly image: ImageSize;
  readonly options: MaskOptions;
  /** What is written beside the mask, where a format has room. */
  readonly properties: Readonly<Record<string, unknown>>;
}

type Encoder<F extends MaskFormat> = (
  subject: Subject,
) => Segmentations[F] | Promise<Segmentations[F]>;

/** How masks are written. A cut-out is not here, as it needs the photograph, nor are logits, which need no writing. */
const ENCODERS: { readonly [F in Exclude<MaskFormat, 'cutout' | 'logits'>]: Encoder<F> } = {
  rle: ({ counts, image }) => ({ size: sizeOf(image), counts: compress(counts) }),
  rle_counts: ({ counts, image }) => ({ size: sizeOf(image), counts }),
  png: async ({ counts, image }) => ({
    size: sizeOf(image),
    png: (await encodePng(counts, image)).toString('base64'),
  }),
  polygon: (subject) => ({ size: sizeOf(subject.image), polygons: outline(subject) }),
  geojson: (subject) => ({ size: sizeOf(subject.image), geojson: placed(subject) }),
  svg: (subject) => ({ size: sizeOf(subject.image), svg: toSvg(outline(subject), subject.image) }),
  labelstudio_rle: ({ counts, image }) => ({
    size: sizeOf(image),
    format: 'rle',
    rle: toLabelStudio(counts, image),
  }),
  coco_polygon: (subject) => ({ size: sizeOf(subject.image), polygons: withoutHoles(subject) }),
  cvat_rle: ({ counts, image }) => ({
    size: sizeOf(image),
    type: 'mask',
    points: toCvat(counts, image),
  }),
  yolo: (subject) => ({
    size: sizeOf(subject.image),
    yolo: toYolo(withoutHoles(subject), subject.image),
  }),
  labelme: (subject) => ({
    size: sizeOf(subject.image),
    shapes: toLabelme(withoutHoles(subject)),
  }),
};

/** Writes a mask in the format its options name; what will become a cut-out, as the shortest form. */
export async function encodeMask(subject: Subject): Promise<Segmentations[MaskFormat]> {
  const { format } = subject.options;
  if (format === 'logits') throw new Error('logits are not written from runs');
  return ENCODERS[format === 'cutout' ? 'rle' : format](subject);
}

function sizeOf({ width, height }: ImageSize): readonly [height: number, width: number] {
  return [height, width];
}

function outline({ counts, image, options }: Subject): Polygon[] {
  return simplifyPolygons(tracePolygons(counts, image), options.simplify);
}

function withoutHoles({ counts, image, options }: Subject): Ring[] {
  return traceWithoutHoles(counts, image, options.simplify);
}

/** The outlines where the image lies; cut in two where that is across the antimeridian, as RFC 7946 says (3.1.9). */
function placed(subject: Subject): FeatureCollection {
  const { counts, image, options, properties } = subject;
  const { georeference, simplify } = options;
  const seam = antimeridianOf(image, georeference);
  if (seam === undefined || !georeference.bounds) {
    const { place, mirrored } = placement(image, georeference);
    return toGeoJson([{ polygons: outline(subject), place }], mirrored, properties);
  }
  const halves = traceHalves(counts, image, seam);
  const [left, right] = placementOfHalves(image, georeference.bounds, seam);
  const parts = [
    { polygons: simplifyPolygons(halves[0], simplify, (x) => x === seam), place: left },
    { polygons: simplifyPolygons(halves[1], simplify, (x) => x === seam), place: right },
  ];
  return toGeoJson(parts, true, properties);
}
