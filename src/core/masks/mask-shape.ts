import type { MaskFormat, Segmentations } from '../mask.js';

/** How a segmentation goes into an answer: as JSON, as a file of its own, or as a feature of a collection. */
export type MaskShape = 'json' | 'file' | 'feature';

/**
 * A segmentation as text or bytes.
 * @param prompt the place of the prompt it answers, which a feature says where there is one.
 */
export function serializeMask(
  segmentation: Segmentations[MaskFormat],
  shape: MaskShape,
  prompt?: number,
): string | Uint8Array {
  if (shape === 'json') return JSON.stringify(segmentation);
  if ('geojson' in segmentation) {
    if (shape === 'file') return JSON.stringify(segmentation.geojson);
    const { features } = segmentation.geojson;
    const told = features.map((feature) => ({
      ...feature,
      properties: { ...(prompt !== undefined && { prompt }), ...feature.properties },
    }));
    return told.map((feature) => JSON.stringify(feature)).join(',');
  }
  if ('png' in segmentation) return Buffer.from(segmentation.png, 'base64');
  if ('data' in segmentation) return Buffer.from(segmentation.data, 'base64');
  if ('svg' in segmentation) return segmentation.svg;
  if ('yolo' in segmentation) return segmentation.yolo;
  return JSON.stringify(segmentation);
}
