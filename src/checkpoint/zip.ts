import type { CheckpointFile } from './checkpoint-file.js';

/** An entry of an archive that is stored as it is: its bytes are a range of the archive's. */
export interface ZipEntry {
  readonly offset: number;
  readonly length: number;
}

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_HEADER = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;

/** Stands in a 32-bit field whose value is in the zip64 extra field. */
const ELSEWHERE = 0xffffffff;
const ZIP64_EXTRA = 1;

/** A comment may follow the end record. */
const LONGEST_END = 22 + 0xffff;
/** ViT-H has some 600 tensors; its directory takes 50 kB. */
const LARGEST_DIRECTORY = 8 * 2 ** 20;
const MOST_ENTRIES = 65_536;

/**
 * Reads a zip archive's directory, as PKWARE's APPNOTE describes it, for archives whose entries are all stored.
 * @throws Error when it is no such archive, when an entry is compressed or encrypted, and when entries are
 * outside of the file or overlap: a small file that claims to hold much is refused, not unpacked.
 */
export function readZip(file: CheckpointFile): Map<string, ZipEntry> {
  const { offset, length } = findDirectory(file);
  if (length > LARGEST_DIRECTORY) throw new Error(`its directory of ${length} bytes is too large`);
  const entries = new Map<string, ZipEntry>();
  for (const { name, ...entry } of readDirectory(file.read(offset, length))) {
    if (entries.size === MOST_ENTRIES)
      throw new Error(`it holds more than ${MOST_ENTRIES} entries`);
    if (entries.has(name)) throw new Error(`it holds "${name}" twice`);
    entries.set(name, locate(file, name, entry));
  }
  refuseOverlaps(entries, offset);
  return entries;
}

function findDirectory(file: CheckpointFile): ZipEntry {
  const tail = Math.min(file.size, LONGEST_END);
  const bytes = file.read(file.size - tail, tail);
  const view = viewOf(bytes);
  for (let at = tail - 22; at >= 0; at--) {
    if (view.getUint32(at, true) !== END) continue;
    const [length, offset] = [view.getUint32(at + 12, true), view.getUint32(at + 16, true)];
    const locator = at - 20;
    const isZip64 = locator >= 0 && view.getUint32(locator, true) === END_64_LOCATOR;
    return isZip64 ? readEnd64(file, uint64(view, locator + 8)) : { offset, length };
  }
  throw new Error('it has no zip directory: it is another kind of file, or its end is missing');
}

function readEnd64(file: CheckpointFile, at: number): ZipEntry {
  const view = viewOf(file.read(at, 56));
  if (view.getUint32(0, true) !== END_64) throw new Error('its zip64 end record is missing');
  return { length: uint64(view, 40), offset: uint64(view, 48) };
}

interface Listed {
  readonly name: string;
  readonly length: number;
  /** Of the local header. */
  readonly header: number;
}

function* readDirectory(bytes: Uint8Array): Generator<Listed> {
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; ) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== DIRECTORY_HEADER) {
      throw new Error(`its zip directory is damaged at byte ${at}`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > bytes.length) throw new Error(`its zip directory is damaged at byte ${at}`);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    if (view.getUint16(at + 10, true) !== 0) throw new Error(`its entry "${name}" is compressed`);
    if (view.getUint16(at + 8, true) & 1) throw new Error(`its entry "${name}" is encrypted`);
    const extra = view64(bytes.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength));
    const wide = (field: number) => {
      const value = view.getUint32(at + field, true);
      return value === ELSEWHERE ? extra(name) : value;
    };
    // In the order in which the extra field has them.
    const length = wide(24);
    const stored = wide(20);
    const header = wide(42);
    if (stored !== length) throw new Error(`its entry "${name}" is stored with two lengths`);
    yield { name, length, header };
    at = next;
  }
}

/** Takes the 64-bit values of a zip64 extra field one by one. */
function view64(extra: Uint8Array): (name: string) => number {
  const view = viewOf(extra);
  let [at, end] = [0, 0];
  for (let field = 0; field + 4 <= extra.length; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== ZIP64_EXTRA) continue;
    at = field + 4;
    end = Math.min(extra.length, at + view.getUint16(field + 2, true));
    break;
  }
  return (name) => {
    if (at + 8 > end) throw new Error(`its entry "${name}" lacks a 64-bit length or place`);
    at += 8;
    return uint64(view, at - 8);
  };
}

/** The bytes of an entry follow its local header, whose name and extra field have lengths of their own. */
function locate(file: CheckpointFile, name: string, { header, length }: Omit<Listed, 'name'>) {
  const view = viewOf(file.read(header, 30));
  if (view.getUint32(0, true) !== LOCAL_HEADER) throw new Error(`its entry "${name}" is not there`);
  const offset = header + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  if (!file.holds(offset, length)) {
    throw new Error(`its entry "${name}" of ${length} bytes is outside of its ${file.size}`);
  }
  return { offset, length };
}

function refuseOverlaps(entries: ReadonlyMap<string, ZipEntry>, directory: number): void {
  const inOrder = [...entries].sort(([, a], [, b]) => a.offset - b.offset);
  for (const [i, [name, { offset, length }]] of inOrder.entries()) {
    const [next, end] = [inOrder[i + 1]?.[0] ?? 'its directory', inOrder[i + 1]?.[1].offset];
    if (length > 0 && offset + length > (end ?? directory)) {
      throw new Error(`its entry "${name}" overlaps ${next}`);
    }
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function uint64(view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  if (!Number.isSafeInteger(value)) throw new Error(`it names byte ${value}`);
  return value;
}
