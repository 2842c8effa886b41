import { toFloat32 } from '../core/tensors/float16.js';
import type { CheckpointFile } from './checkpoint-file.js';

/** Number formats a weight may be stored in, by the names ONNX has for them, with the bytes of one element. */
export const STORED_TYPES = { float: 4, float16: 2, bfloat16: 2, double: 8 } as const;
export type StoredType = keyof typeof STORED_TYPES;

/** A tensor of a checkpoint, which stays in its file until it is read. */
export class StoredTensor {
  readonly type: StoredType;
  readonly shape: readonly number[];
  /** Where its elements are, row by row and little-endian. */
  readonly external: {
    readonly location: string;
    readonly offset: number;
    readonly length: number;
  };
  readonly #file: CheckpointFile;

  /**
   * @param offset in bytes, from the start of the file.
   * @throws Error when it does not lie inside the file.
   */
  constructor(file: CheckpointFile, type: StoredType, shape: readonly number[], offset: number) {
    const length = shape.reduce((product, side) => product * side, STORED_TYPES[type]);
    if (!file.holds(offset, length)) {
      throw new Error(
        `${type} [${shape}] at byte ${offset} does not fit in the file of ${file.size} bytes`,
      );
    }
    this.#file = file;
    this.type = type;
    this.shape = shape;
    this.external = { location: file.name, offset, length };
  }

  /** Its rows, [1,...] each, as tensors of their own. */
  rows(): StoredTensor[] {
    const [count = 0, ...rest] = this.shape;
    const { offset, length } = this.external;
    return Array.from({ length: count }, (_, row) => {
      const start = offset + (row * length) / count;
      return new StoredTensor(this.#file, this.type, [1, ...rest], start);
    });
  }

  /**
   * The tensor's numbers as floats.
   * @throws Error when one is not finite, or the file was changed and is too short now.
   */
  read(): Float32Array {
    const { buffer } = this.#file.read(this.external.offset, this.external.length);
    const floats = asFloats(buffer, this.type);
    // Zero times a finite number is zero; infinity and NaN leave NaN behind, whatever follows.
    let trace = 0;
    for (let i = 0; i < floats.length; i++) trace += (floats[i] as number) * 0;
    if (trace !== 0) throw new Error('it holds numbers that are not finite');
    return floats;
  }
}

function asFloats(buffer: ArrayBuffer, type: StoredType): Float32Array {
  switch (type) {
    case 'float':
      return new Float32Array(buffer);
    case 'float16':
      return toFloat32(new Uint16Array(buffer));
    case 'bfloat16': {
      // The upper half of a float.
      const bits = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
      return new Float32Array(bits.buffer);
    }
    case 'double':
      return Float32Array.from(new Float64Array(buffer));
  }
}
