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
      let [a, b] = [0, 0];
      // Two sums, so that the processor need not wait for one product after the other.
      for (let c = 0; c + 1 < width; c += 2, at += 2) {
        a += (units[at] as number) * (query[c] as number);
        b += (units[at + 1] as number) * (query[c + 1] as number);
      }
      if (width % 2 === 1) a += (units[at++] as number) * (query[width - 1] as number);
      logits[patch] = features.logit(patch, a + b);
    }
    return logits;
  });
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
