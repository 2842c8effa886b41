import type { Family } from '../../core/family/family.js';
import type { FloatTensor } from '../../onnx/float-tensor.js';

/** Weights by their names in the state dict. */
export type Weights = ReadonlyMap<string, FloatTensor>;

/** Whose weights these are: only SAM 2's mask decoder has a token that asks whether there is an object. */
export function familyOfWeights(weights: ReadonlyMap<string, unknown>): Family {
  return weights.has('mask_decoder.obj_score_token.weight') ? 'sam2' : 'sam';
}

/** The same weights in memory that threads share: sent to any number of them, they are there once. */
export function inSharedMemory(weights: Weights): Weights {
  const tensors = [...weights];
  const length = tensors.reduce((sum, [, { data }]) => sum + data.length, 0);
  const memory = new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT);
  const all = new Float32Array(memory);
  let at = 0;
  const shared = tensors.map(([name, { shape, data }]) => {
    const place = all.subarray(at, at + data.length);
    place.set(data);
    at += data.length;
    return [name, { shape, data: place }] as const;
  });
  return new Map(shared);
}
