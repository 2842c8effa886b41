import type { CheckpointFile } from './checkpoint-file.js';
import { STORED_TYPES, StoredTensor, type StoredType } from './stored-tensor.js';

const TYPES: Readonly<Record<string, StoredType>> = {
  F32: 'float',
  F16: 'float16',
  BF16: 'bfloat16',
  F64: 'double',
};

/** ViT-H's takes 60 kB. JSON of this size takes a hundred times as much memory at worst. */
const LARGEST_HEADER = 4 * 2 ** 20;
/** The format itself allows no more. */
const LARGEST_EVER = 100_000_000;
/** A shape is an array in a tensor in the header. */
const DEEPEST_HEADER = 4;
const MOST_DIMENSIONS = 8;

/**
 * Reads a .safetensors file: the length of a header (8 bytes), the header (JSON), the tensors' bytes.
 * @returns its float tensors by name.
 * @throws Error when the header is not what the format asks for: tensors must fill the rest of the file
 * without gaps and without overlaps.
 */
export function readSafetensors(file: CheckpointFile): Map<string, StoredTensor> {
  const length = Number(new DataView(file.read(0, 8).buffer).getBigUint64(0, true));
  if (length > LARGEST_EVER || (length > LARGEST_HEADER && file.holds(8, length))) {
    throw new Error(`its header of ${length} bytes is too large`);
  }
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
  refuseDepth(bytes);
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Error('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw new Error('its header is no object');
  return header as Record<string, unknown>;
}

/** @throws Error when the JSON is nested deeper than any header, before it is parsed */
function refuseDepth(bytes: Uint8Array): void {
  const [quote, backslash] = [0x22, 0x5c];
  const [opening, closing] = [new Set([0x5b, 0x7b]), new Set([0x5d, 0x7d])];
  let depth = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (isText && byte === backslash) at++;
    else if (byte === quote) isText = !isText;
    else if (!isText && opening.has(byte)) depth++;
    else if (!isText && closing.has(byte)) depth--;
    if (depth > DEEPEST_HEADER) throw new Error('its header is nested too deep');
  }
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
    Array.isArray(value) &&
    value.length <= MOST_DIMENSIONS &&
    value.every((length) => Number.isSafeInteger(length) && length >= 0)
  );
}
