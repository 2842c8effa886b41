import type { Box } from '../core/prompt.js';
import { EPSILON, type Features, lengthOf } from './features.js';
import { iou } from './overlap.js';
import type { Frame } from './selection.js';

/** Patches whose box is nearly as much like the example as the best one's are candidates. */
const NEARLY = 0.8;

/** A patch that stands for an example. */
export interface Exemplar {
  readonly patch: number;
  readonly query: Float32Array;
  /** All whose boxes fit the example nearly as well. */
  readonly candidates: readonly number[];
}

/**
 * The query that asks for more of what is in a box (`embed_image_query` of transformers): among the patches whose boxes
 * fit it best, the one that is least like the picture as a whole. After training with one patch for each object, its
 * neighbours are background.
 * @param box in pixels.
 * @returns undefined where no patch proposes anything.
 */
export function exemplarQuery(features: Features, frame: Frame, box: Box): Exemplar | undefined {
  const { patches, width } = features;
  const overlaps = Array.from({ length: patches }, (_, patch) =>
    iou(box, features.box(patch, frame.image, frame.isPadded)),
  );
  const best = Math.max(...overlaps);
  if (!(best > 0)) return undefined;
  const candidates = [...overlaps.keys()].filter(
    (patch) => (overlaps[patch] as number) >= NEARLY * best,
  );
  const mean = meanEmbed(features);
  let patch = candidates[0] as number;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const embed = features.classEmbed(candidate);
    let likeness = 0;
    for (let c = 0; c < width; c++) likeness += (embed[c] as number) * (mean[c] as number);
    if (likeness < least) [patch, least] = [candidate, likeness];
  }
  const embed = features.classEmbed(patch);
  const length = lengthOf(embed) + EPSILON;
  return { patch, query: embed.map((value) => value / length), candidates };
}

function meanEmbed(features: Features): Float64Array {
  const { patches, width } = features;
  const mean = new Float64Array(width);
  for (let patch = 0; patch < patches; patch++) {
    const embed = features.classEmbed(patch);
    for (let c = 0; c < width; c++) mean[c] = (mean[c] as number) + (embed[c] as number) / patches;
  }
  return mean;
}
