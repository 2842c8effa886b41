import type { CheckpointFile } from './checkpoint-file.js';
import { STORED_TYPES, StoredTensor, type StoredType } from './stored-tensor.js';

const TYPES: Readonly<Record<string, StoredType>> = {
  F32: 'float',
  F16: 'float16',
  BF16: 'bfloat16',
  F64: 'double',
};

/** As the format's own reader has it. */
const LARGEST_HEADER = 100_000_000;

/**
 * Reads a .safetensors file: the length of a header (8 bytes), the header (JSON), the tensors' bytes.
 * @returns its float tensors by name.
 * @throws Error when the header is not what the format asks for: tensors must fill the rest of the file
 * without gaps and without overlaps.
 */
export function readSafetensors(file: CheckpointFile): Map<string, StoredTensor> {
  const length = Number(new DataView(file.read(0, 8).buffer).getBigUint64(0, true));
  if (length > LARGEST_HEADER) throw new Error(`its header of ${length} bytes is too large`);
  const start = 8 + length;
  const header = parse(file.read(8, length));
  const described = Object.entries(header).filter(([name]) => name !== '__metadata__');
  const inOrder = described
    .map(([name, value]) => ({ name, ...describe(name, value) }))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);

  const tensors = new Map<string, StoredTensor>();
  let filled = 0;
  for (const { name, dtype, shape, begin, end } of inOrder) {
    if (begin !== filled || end < begin) {
      throw new Error(`its tensor "${name}" is at bytes ${begin} to ${end}, not at ${filled}`);
    }
    filled = end;
    const type = TYPES[dtype];
    if (!type) continue;
    const bytes = shape.reduce((product, side) => product * side, STORED_TYPES[type]);
    if (bytes !== end - begin) {
      throw new Error(
        `its tensor "${name}" has ${end - begin} bytes, ${dtype} [${shape}] needs ${bytes}`,
      );
    }
    if (!file.holds(start + begin, bytes)) {
      throw new Error(`its tensor "${name}" ends beyond the file's ${file.size} bytes`);
    }
    tensors.set(name, new StoredTensor(file, type, shape, start + begin));
  }
  if (start + filled !== file.size) {
    throw new Error(`its tensors end at byte ${start + filled} of ${file.size}`);
  }
  return tensors;
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Error('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null) throw new Error('its header is no object');
  return header as Record<string, unknown>;
}

function describe(name: string, value: unknown) {
  const { dtype, shape, data_offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !isLengths(shape) || !isLengths(data_offsets)) {
    throw new Error(`its tensor "${name}" is not described as the format asks for`);
  }
  const [begin = -1, end = -1] = data_offsets;
  return { dtype, shape, begin, end };
}

function isLengths(value: unknown): value is number[] {
  return (
    Array.isArray(value) && value.every((length) => Number.isSafeInteger(length) && length >= 0)
  );
}
