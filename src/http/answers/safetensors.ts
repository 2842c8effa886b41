import type { TensorSet } from '../../core/embedding.js';
import { EXACT } from '../../core/find/detection.js';
import type { Dtype } from '../../core/tensors/tensor.js';
import { tensorLength, tensorPieces } from './tensor-pieces.js';

const DTYPES = { float16: 'F16', float32: 'F32' };
/** The first tensor begins at a multiple of so many bytes, as the format's own writer has it. */
const ALIGNMENT = 8;

/** A file of tensors by name, as safetensors has it: the length of a header (8 bytes), the header (JSON), their bytes. */
export interface TensorFile {
  readonly length: number;
  readonly pieces: Iterable<Uint8Array>;
}

/**
 * @param dtype of all tensors but those that lose by 16 bits.
 * @param metadata is written into the header.
 */
export function safetensorsFile(
  tensors: TensorSet,
  dtype: Dtype,
  metadata: Readonly<Record<string, string>>,
): TensorFile {
  const all = Object.entries(tensors).map(([name, tensor]) => ({
    ...{ name, tensor },
    as: name === EXACT ? 'float32' : dtype,
  }));
  const described: Record<string, unknown> = {};
  let at = 0;
  for (const { name, tensor, as } of all) {
    const end = at + tensorLength(tensor, as);
    described[name] = { dtype: DTYPES[as], shape: tensor.shape, data_offsets: [at, end] };
    at = end;
  }
  const text = JSON.stringify({ __metadata__: metadata, ...described });
  const size = Math.ceil(Buffer.byteLength(text) / ALIGNMENT) * ALIGNMENT;
  const header = Buffer.alloc(8 + size, ' ');
  header.writeBigUInt64LE(BigInt(size));
  header.write(text, 8);
  return { length: header.length + at, pieces: pieces() };

  function* pieces(): Generator<Uint8Array> {
    yield header;
    for (const { tensor, as } of all) yield* tensorPieces(tensor, as);
  }
}
