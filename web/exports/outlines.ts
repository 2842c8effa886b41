import { placement, toGeoJson } from '../../src/masks/formats/geojson.js';
import { pathData, svgDocument } from '../../src/masks/formats/svg.js';
import { tracePolygons } from '../../src/masks/outlines/polygons.js';
import { type Exported, type ExportFile, jsonFile, type Origin, scoresOf, stem } from './export.js';

/** Outlines along the edges of pixels, as the service's `polygon`: for each polygon an outer ring and its holes. */
export function toPolygons(objects: readonly Exported[], origin: Origin): ExportFile {
  const { name, width, height } = origin;
  const masks = objects.map((object) => ({
    name: object.name,
    segmentation: { size: [height, width], polygons: polygonsOf(object, origin) },
    ...scoresOf(object),
  }));
  return jsonFile(`${stem(name)}.polygons.json`, { image: { name, width, height }, masks });
}

/** One collection with a feature for each object, in pixels. */
export function toFeatures(objects: readonly Exported[], origin: Origin): ExportFile {
  const { place, mirrored } = placement(origin, {});
  const features = objects.flatMap((object) => {
    const properties = { name: object.name, colour: object.colour, ...scoresOf(object) };
    return toGeoJson([{ polygons: polygonsOf(object, origin), place }], mirrored, properties)
      .features;
  });
  const collection = { type: 'FeatureCollection', features };
  return jsonFile(`${stem(origin.name)}.geojson`, collection, 'application/geo+json');
}

/** A drawing with a path for each object, in its colour. */
export function toDrawing(objects: readonly Exported[], origin: Origin): ExportFile {
  const paths = objects.map((object) => {
    const data = pathData(polygonsOf(object, origin));
    const title = `<title>${escaped(object.name)}</title>`;
    return `<path fill="${object.colour}" fill-rule="evenodd" d="${data}">${title}</path>`;
  });
  const blob = new Blob([svgDocument(paths.join(''), origin)], { type: 'image/svg+xml' });
  return { name: `${stem(origin.name)}.svg`, blob };
}

function polygonsOf({ mask }: Exported, { width, height }: Origin) {
  return tracePolygons(mask.segmentation.counts, { width, height });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
