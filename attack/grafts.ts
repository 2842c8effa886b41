import { chunk } from './images.js';
import { riff, segment } from './structures.js';

type Random = () => number;

/** A file taken apart: what it begins with, and the units of its format that follow. */
interface Parts {
  readonly start: Buffer;
  readonly units: Buffer[];
  /** A unit that the format allows and the file does not need. */
  readonly foreign: (random: Random) => Buffer;
}

/** Changes the order and number of what a PNG, JPEG, WebP or AVIF is made of, and adds what it does not need. */
export function graft(file: Buffer, random: Random): Buffer {
  const parts = partsOf(file);
  if (!parts) return file;
  const { start, units, foreign } = parts;
  const below = (count: number) => Math.floor(random() * count);
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const at = below(units.length);
    const unit = units[at] as Buffer;
    const kind = random();
    if (kind < 0.4)
      units.splice(at, 0, ...Array.from({ length: 1 + below(20) }, () => foreign(random)));
    else if (kind < 0.7) units.splice(at, 0, ...Array(1 + below(20)).fill(unit));
    else if (kind < 0.85) units.splice(below(units.length), 0, ...units.splice(at, 1));
    else if (units.length > 1) units.splice(at, 1);
  }
  const grafted = Buffer.concat([start, ...units]);
  if (grafted.subarray(0, 4).toString('latin1') === 'RIFF') {
    grafted.writeUInt32LE(grafted.length - 8, 4);
  }
  return grafted;
}

function partsOf(file: Buffer): Parts | undefined {
  if (file.subarray(1, 4).toString('latin1') === 'PNG') {
    const units = split(file, 8, (at) => file.readUInt32BE(at) + 12);
    return { start: file.subarray(0, 8), units, foreign: foreignChunk };
  }
  if (file[0] === 0xff && file[1] === 0xd8) {
    return { start: file.subarray(0, 2), units: segmentsOf(file), foreign: foreignSegment };
  }
  if (file.subarray(8, 12).toString('latin1') === 'WEBP') {
    const units = split(file, 12, (at) => 8 + 2 * Math.ceil(file.readUInt32LE(at + 4) / 2));
    return { start: Buffer.from(file.subarray(0, 12)), units, foreign: foreignRiff };
  }
  if (file.subarray(4, 8).toString('latin1') === 'ftyp') {
    const units = split(file, 0, (at) => Math.max(8, file.readUInt32BE(at)));
    return { start: Buffer.alloc(0), units, foreign: foreignBox };
  }
  return undefined;
}

/** Units of which each says how long it is. */
function split(file: Buffer, start: number, lengthAt: (at: number) => number): Buffer[] {
  const units: Buffer[] = [];
  for (let at = start; at + 8 <= file.length; ) {
    const length = lengthAt(at);
    units.push(file.subarray(at, at + length));
    at += length;
  }
  return units;
}

/** The segments of a JPEG, each scan with its data. */
function segmentsOf(file: Buffer): Buffer[] {
  const units: Buffer[] = [];
  for (let at = 2; at + 4 <= file.length; ) {
    let end = at + 2 + file.readUInt16BE(at + 2);
    // Data lasts until a marker that is neither stuffing nor a restart.
    const marksUnit = () => {
      const next = file[end + 1] as number;
      return file[end] === 0xff && next !== 0 && (next < 0xd0 || next > 0xd7);
    };
    while (end < file.length - 1 && !marksUnit()) end++;
    units.push(file.subarray(at, end));
    at = end;
  }
  units.push(Buffer.from([0xff, 0xd9]));
  return units;
}

function bytes(random: Random): Buffer {
  return Buffer.from(Array.from({ length: Math.floor(random() * 300) }, () => 256 * random()));
}

function one<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random() * items.length)] as T;
}

function foreignChunk(random: Random): Buffer {
  const types = 'tEXt zTXt iTXt iCCP eXIf gAMA cHRM sBIT tRNS PLTE acTL fcTL fdAT IDAT teSt TEST';
  return chunk(one(types.split(' '), random), bytes(random));
}

function foreignSegment(random: Random): Buffer {
  const markers = [0xe0, 0xe1, 0xe2, 0xee, 0xfe, 0xdd, 0xdb, 0xc4, 0xc0, 0xc2, 0xda, 0xf0];
  return segment(one(markers, random), ...bytes(random));
}

function foreignRiff(random: Random): Buffer {
  const types = ['ICCP', 'EXIF', 'XMP ', 'ANIM', 'ANMF', 'ALPH', 'VP8 ', 'VP8L', 'VP8X', 'teSt'];
  return riff(one(types, random), bytes(random));
}

function foreignBox(random: Random): Buffer {
  const data = bytes(random);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + data.length);
  head.write(one(['free', 'skip', 'uuid', 'meta', 'moov', 'mdat', 'teSt'], random), 4, 'latin1');
  return Buffer.concat([head, data]);
}
