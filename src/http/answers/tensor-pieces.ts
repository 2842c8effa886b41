import {
  BYTES_PER_ELEMENT,
  type Dtype,
  readFloats,
  type Tensor,
  writeFloats,
} from '../../core/tensors/tensor.js';

/** Numbers that are converted at once. */
const PIECE = 16_384;

/** The bytes of a tensor in a number format, piece by piece: the whole is held once, in the cache. */
export function* tensorPieces({ bytes, dtype: from }: Tensor, to: Dtype): Generator<Uint8Array> {
  const step = PIECE * BYTES_PER_ELEMENT[from];
  for (let at = 0; at < bytes.length; at += step) {
    const piece = bytes.subarray(at, at + step);
    // In memory of its own: the socket does not take what is shared.
    if (from === to) yield Uint8Array.from(piece);
    else yield converted(readFloats(piece, from), to);
  }
}

function converted(floats: Float32Array, dtype: Dtype): Uint8Array {
  return writeFloats(floats, dtype, new ArrayBuffer(floats.length * BYTES_PER_ELEMENT[dtype]));
}

/** Bytes of a tensor in a number format. */
export function tensorLength({ shape }: Tensor, dtype: Dtype): number {
  return shape.reduce((product, side) => product * side, BYTES_PER_ELEMENT[dtype]);
}
