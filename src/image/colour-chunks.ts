import { deflateSync, inflateSync } from 'node:zlib';
import { pngChunk } from '../core/bytes/png-chunk.js';
import { sniffFormat } from './format.js';
import { boxes, fourLetters } from './structure/boxes.js';
import { begins, SOS, segments } from './structure/jpeg.js';

/** Those of printers have some megabytes, those of cameras and screens some hundred bytes. */
const MAX_PROFILE_BYTES = 4 * 2 ** 20;
const PNG_SIGNATURE_BYTES = 8;
/** Signature and IHDR. */
const PNG_HEAD_BYTES = 33;

/**
 * What a photograph says of its colours, as the chunks by which a PNG says it: its ICC profile or, where it names its
 * primaries and its curve instead, those. A profile of grey or of inks is none of the pixels that are drawn, and one
 * that is damaged says nothing: both are left out.
 * @param file of an accepted format.
 */
export function colourChunks(file: Uint8Array): Uint8Array {
  const format = sniffFormat(file);
  try {
    return Buffer.concat(format ? READERS[format](file) : []);
  } catch (error) {
    // Read past the end: the file is cut off.
    if (error instanceof RangeError) return new Uint8Array(0);
    throw error;
  }
}

/** A PNG with chunks behind its header: its pixels stay as they are. */
export function withChunks(png: Uint8Array, chunks: Uint8Array): Uint8Array {
  if (chunks.length === 0) return png;
  return Buffer.concat([png.subarray(0, PNG_HEAD_BYTES), chunks, png.subarray(PNG_HEAD_BYTES)]);
}

const READERS = { jpeg: ofJpeg, png: ofPng, webp: ofWebp, avif: ofAvif };

/** The profile may be in several segments, which are numbered from 1. */
function ofJpeg(file: Uint8Array): Buffer[] {
  const name = 'ICC_PROFILE\0';
  const pieces: Uint8Array[] = [];
  for (const { marker, from } of segments(file)) {
    if (marker === SOS) break;
    if (marker !== 0xe2 || !begins(file, from + 4, name)) continue;
    const size = viewOf(file).getUint16(from + 2);
    pieces[file[from + 4 + name.length] as number] = file.subarray(from + 18, from + 2 + size);
  }
  return ofProfile(Buffer.concat(pieces.filter(Boolean)));
}

/** Sizes of the chunks that are taken as they are: primaries, curve, or that both are those of sRGB. */
const PLAIN = new Map([
  ['cICP', 4],
  ['sRGB', 1],
  ['gAMA', 4],
  ['cHRM', 32],
]);

function ofPng(file: Uint8Array): Buffer[] {
  const view = viewOf(file);
  const found = new Map<string, Buffer[]>();
  for (let at = PNG_SIGNATURE_BYTES; fourLetters(view, at + 4) !== 'IDAT'; ) {
    const type = fourLetters(view, at + 4);
    const data = file.subarray(at + 8, at + 8 + view.getUint32(at));
    if (PLAIN.get(type) === data.length) found.set(type, [pngChunk(type, data)]);
    // A name, which ends with 0, and the number of the only method there is.
    if (type === 'iCCP') found.set(type, ofProfile(unpacked(data.subarray(data.indexOf(0) + 2))));
    at += 12 + data.length;
  }
  return [...found.values()].flat();
}

function ofWebp(file: Uint8Array): Buffer[] {
  const view = viewOf(file);
  for (let at = 12; at + 8 <= file.length; ) {
    const size = view.getUint32(at + 4, true);
    if (fourLetters(view, at) === 'ICCP') return ofProfile(file.subarray(at + 8, at + 8 + size));
    at += 8 + size + (size % 2);
  }
  return [];
}

function ofAvif(file: Uint8Array): Buffer[] {
  const view = viewOf(file);
  let named: Buffer[] = [];
  for (const [at, end] of boxes(view, ['meta', 'iprp', 'ipco', 'colr'], 0, file.length)) {
    const type = fourLetters(view, at);
    if (type === 'prof' || type === 'rICC') return ofProfile(file.subarray(at + 4, end));
    if (type === 'nclx') named = ofNames(view.getUint16(at + 4), view.getUint16(at + 6));
  }
  return named;
}

/** @param primaries and @param curve by their numbers in ITU-T H.273; 2 is for those that are not known. */
function ofNames(primaries: number, curve: number): Buffer[] {
  const isSrgb = primaries === 1 && (curve === 13 || curve === 1);
  if (isSrgb || primaries === 2 || curve === 2 || primaries > 255 || curve > 255) return [];
  // RGB as such, from 0 to 255.
  return [pngChunk('cICP', Uint8Array.of(primaries, curve, 0, 1))];
}

/** The chunk of a profile, if it is one of RGB. */
function ofProfile(bytes: Uint8Array): Buffer[] {
  const view = viewOf(bytes);
  if (bytes.length < 132 || bytes.length > MAX_PROFILE_BYTES) return [];
  if (fourLetters(view, 36) !== 'acsp' || fourLetters(view, 16) !== 'RGB ') return [];
  const size = view.getUint32(0);
  if (size > bytes.length) return [];
  const name = Buffer.from('ICC profile\0\0', 'latin1');
  return [pngChunk('iCCP', Buffer.concat([name, deflateSync(bytes.subarray(0, size))]))];
}

/** @returns nothing when it is damaged, or more than is taken. */
function unpacked(data: Uint8Array): Uint8Array {
  try {
    return inflateSync(data, { maxOutputLength: MAX_PROFILE_BYTES });
  } catch {
    return new Uint8Array(0);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
