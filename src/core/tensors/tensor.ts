import { toFloat16, toFloat32 } from './float16.js';

/** The number formats in which tensors are kept and travel. */
export const DTYPES = ['float16', 'float32'] as const;
export type Dtype = (typeof DTYPES)[number];

export const BYTES_PER_ELEMENT: Record<Dtype, number> = { float16: 2, float32: 4 };

/** Numbers in little-endian order with their shape; `bytes.length` is the shape's product times the width of `dtype`. */
export interface Tensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The numbers of `bytes` as floats, in memory of their own: the runtime refuses shared memory. */
export function readFloats(bytes: Uint8Array, dtype: Dtype): Float32Array<ArrayBuffer> {
  // A view needs an aligned offset, and decoded base64 may start anywhere in Node's buffer pool.
  const own = new Uint8Array(bytes.length);
  own.set(bytes);
  return dtype === 'float32'
    ? new Float32Array(own.buffer)
    : toFloat32(new Uint16Array(own.buffer));
}

/** Writes floats as `dtype` into `buffer`, which must hold exactly that many. */
export function writeFloats(
  floats: Float32Array,
  dtype: Dtype,
  buffer: ArrayBufferLike,
): Uint8Array {
  if (dtype === 'float32') new Float32Array(buffer).set(floats);
  else toFloat16(floats, new Uint16Array(buffer));
  return new Uint8Array(buffer);
}

/** Arrays one after the other. */
export function concat(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
