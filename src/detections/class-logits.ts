import type { Features } from './features.js';

/**
 * How well each patch answers each query: [Q,P] logits. Each query is judged by itself, whatever the others are.
 * @param queries each of the features' width, and of length 1 unless it stands for several.
 */
export function classLogits(features: Features, queries: readonly Float32Array[]): Float32Array[] {
  const { patches, width, units } = features;
  return queries.map((query) => {
    const logits = new Float32Array(patches);
    for (let patch = 0, at = 0; patch < patches; patch++) {
      let cosine = 0;
      for (let c = 0; c < width; c++, at++) cosine += (units[at] as number) * (query[c] as number);
      logits[patch] = features.logit(patch, cosine);
    }
    return logits;
  });
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
