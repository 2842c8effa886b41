import { toCoco } from './coco.js';
import type { Exported, ExportFile, Origin } from './export.js';
import { toTasks } from './label-studio.js';
import { toDrawing, toFeatures, toPolygons } from './outlines.js';
import { toCutOuts, toMasks } from './pictures.js';

export interface ExportFormat {
  readonly name: string;
  /** For who wonders. */
  readonly about: string;
  readonly make: (objects: readonly Exported[], origin: Origin) => ExportFile | Promise<ExportFile>;
}

/** All that objects can be kept as. */
export const FORMATS: readonly ExportFormat[] = [
  { name: 'PNG mask', about: 'White on black, one file for each object', make: toMasks },
  { name: 'Cut-out', about: 'The object itself on transparent ground', make: toCutOuts },
  { name: 'COCO', about: 'One JSON file with RLE masks', make: toCoco },
  { name: 'Polygons', about: 'Outlines with holes, as JSON', make: toPolygons },
  { name: 'GeoJSON', about: 'One feature for each object, in pixels', make: toFeatures },
  { name: 'SVG', about: 'One path for each object', make: toDrawing },
  { name: 'Label Studio', about: 'A task with brush regions to import', make: toTasks },
];
