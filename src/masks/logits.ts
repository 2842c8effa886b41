import type { LowResLogits } from '../core/mask.js';
import { BYTES_PER_ELEMENT, type Dtype, writeFloats } from '../core/tensor.js';

/** Low-resolution logits as they travel. */
export function encodeLogits(logits: Float32Array, dtype: Dtype): LowResLogits {
  const buffer = new ArrayBuffer(logits.length * BYTES_PER_ELEMENT[dtype]);
  return { dtype, data: Buffer.from(writeFloats(logits, dtype, buffer)).toString('base64') };
}
