import type { DataType, ExternalData, TensorProto } from './proto.js';

/** Floats in row-major order with their shape: what weights are outside of ONNX files. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A weight that stays in its file: the runtime maps it from there, so it is never in memory twice. */
export interface ExternalTensor {
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly external: ExternalData;
}

/** The number of elements of a tensor of this shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * The floats of a tensor of an ONNX file: a view where the file happens to be aligned, else a copy.
 * @throws Error when it holds something other than floats.
 */
export function floatsOf({ name, type, shape, data }: TensorProto): FloatTensor {
  if (type !== 'float') throw new Error(`tensor "${name}" holds ${type}, not float`);
  const isAligned = data.byteOffset % Float32Array.BYTES_PER_ELEMENT === 0;
  // Not `data.slice()`: of a Buffer, as files are read into, that would be a view again.
  const aligned = isAligned ? data : new Uint8Array(data);
  return { shape, data: new Float32Array(aligned.buffer, aligned.byteOffset, elements(shape)) };
}

/** Exchanges the axes of a matrix: [rows, columns] -> [columns, rows]. */
export function transposed({ shape, data }: FloatTensor): FloatTensor {
  const [rows, columns] = shape as readonly [number, number];
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = data[row * columns + column] as number;
    }
  }
  return { shape: [columns, rows], data: result };
}
