import { open, rename, rm } from 'node:fs/promises';
import type { LazyTensor } from '../core/tensors/tensor-shapes.js';

/** The format's header ends where its tensors may begin, so that readers can map them into memory. */
const ALIGNMENT = 8;
const BYTES = Float32Array.BYTES_PER_ELEMENT;

/**
 * Writes a .safetensors file of 32-bit floats: the length of a header (8 bytes), the header (JSON), the tensors one
 * after the other. Each is read when its turn comes. The file gets its name when all of it is on the disk.
 * @param about what is said of the file beside its tensors.
 * @throws Error what reading a tensor or the file system says; nothing is left then.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, LazyTensor>,
  about: Readonly<Record<string, string>> = {},
): Promise<void> {
  const part = `${path}.part`;
  try {
    const file = await open(part, 'w');
    try {
      await file.writeFile(headerOf(tensors, about));
      for (const tensor of tensors.values()) {
        const { buffer, byteOffset, byteLength } = tensor.read();
        await file.writeFile(new Uint8Array(buffer, byteOffset, byteLength));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

function headerOf(
  tensors: ReadonlyMap<string, LazyTensor>,
  about: Readonly<Record<string, string>>,
): Uint8Array {
  let end = 0;
  const described = [...tensors].map(([name, { shape }]) => {
    const begin = end;
    end += shape.reduce((product, side) => product * side, BYTES);
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }] as const;
  });
  const json = JSON.stringify({ __metadata__: about, ...Object.fromEntries(described) });
  const length = Math.ceil(Buffer.byteLength(json) / ALIGNMENT) * ALIGNMENT;
  const header = Buffer.alloc(8 + length, ' ');
  header.writeBigUInt64LE(BigInt(length));
  header.write(json, 8);
  return header;
}
