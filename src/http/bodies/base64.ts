import { setImmediate as turn } from 'node:timers/promises';
import { dataUriHead } from '../../core/bytes/data-uri.js';

/** Characters that are decoded between two turns of the event loop. */
const PIECE = 2 ** 19;
/** The longest escape of a JSON string, `\\u002b`. */
const ESCAPE = 6;
const [SPACE, BACKSLASH] = [0x20, 0x5c];

/** Where base64 begins: behind what a data URI says of itself. */
export function base64Start(text: Buffer): number {
  return dataUriHead(text.toString('latin1', 0, 256));
}

/**
 * Decodes base64, whitespace and escapes of JSON in it or not, without holding the event loop.
 * @param out room for three bytes of every four characters.
 * @param onBytes called with each piece of them.
 * @returns the bytes written, or undefined where the text is no base64.
 */
export async function decodeBase64(
  text: Buffer,
  start: number,
  out: Uint8Array,
  onBytes: (bytes: Uint8Array) => void,
): Promise<number | undefined> {
  const target = Buffer.from(out.buffer as ArrayBuffer, out.byteOffset, out.length);
  let written = 0;
  let rest = '';
  let ended = false;
  for (let at = start; at < text.length; ) {
    const end = pieceEnd(text, at);
    const digits = digitsOf(text.toString('latin1', at, end));
    // Padding ends the text.
    if (digits === undefined || (ended && digits !== '')) return undefined;
    const piece = rest + digits;
    const whole = end < text.length ? piece.length - (piece.length % 4) : piece.length;
    rest = piece.slice(whole);
    const size = base64Bytes(piece, whole);
    // The decoder skips what is not base64, so any such character leaves the result short.
    if (target.write(piece.slice(0, whole), written, 'base64') !== size) return undefined;
    onBytes(target.subarray(written, written + size));
    written += size;
    ended ||= piece.endsWith('=', whole);
    at = end;
    await turn();
  }
  return written;
}

/** Bytes that the first `length` digits make; one digit too many makes none. */
function base64Bytes(digits: string, length: number): number {
  const padding = digits.endsWith('==', length) ? 2 : digits.endsWith('=', length) ? 1 : 0;
  const count = length - padding;
  return count % 4 === 1 ? Number.NaN : Math.floor((count * 3) / 4);
}

/** Where the next piece ends: not within an escape. */
function pieceEnd(text: Buffer, at: number): number {
  const end = Math.min(text.length, at + PIECE);
  if (end === text.length) return end;
  const slash = text.subarray(end - ESCAPE, end).lastIndexOf(BACKSLASH);
  return slash < 0 ? end : end - ESCAPE + slash;
}

/** Undefined where other characters than those of base64 could hide in it. */
function digitsOf(piece: string): string | undefined {
  const text = piece.includes('\\') ? unescaped(piece) : piece;
  if (text === undefined || /[^\t\n\f\r -~]/.test(text)) return undefined;
  if (!/\s/.test(text)) return text;
  // A regular expression takes some twenty times as long where every other character is a space.
  const bytes = Buffer.from(text, 'latin1');
  let size = 0;
  for (const byte of bytes) {
    if (byte > SPACE) bytes[size++] = byte;
  }
  return bytes.toString('latin1', 0, size);
}

function unescaped(piece: string): string | undefined {
  try {
    return JSON.parse(`"${piece}"`);
  } catch {
    return undefined;
  }
}
