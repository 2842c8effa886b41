import { setImmediate as turn } from 'node:timers/promises';

/** Characters that are decoded between two turns of the event loop; four make three bytes. */
const PIECE = 2 ** 20;
const SPACE = 0x20;

/** Where base64 begins: behind what a data URI says of itself. */
export function base64Start(text: string): number {
  return /^data:[^,]{0,200};base64,/.exec(text)?.[0].length ?? 0;
}

/**
 * Decodes base64, whitespace in it or not, without holding the event loop.
 * @param out room for three bytes of every four characters.
 * @returns the bytes written, or undefined where the text is no base64.
 */
export async function decodeBase64(
  text: string,
  start: number,
  out: Uint8Array,
): Promise<number | undefined> {
  const target = Buffer.from(out.buffer, out.byteOffset, out.length);
  let written = 0;
  let rest = '';
  let ended = false;
  for (let at = start; at < text.length; at += PIECE) {
    const digits = withoutSpace(text.slice(at, at + PIECE));
    // Padding ends the text.
    if (digits === undefined || (ended && digits !== '')) return undefined;
    const piece = rest + digits;
    const whole = at + PIECE < text.length ? piece.length - (piece.length % 4) : piece.length;
    rest = piece.slice(whole);
    const size = base64Bytes(piece, 0, whole);
    // The decoder skips what is not base64, so any such character leaves the result short.
    if (target.write(piece.slice(0, whole), written, 'base64') !== size) return undefined;
    written += size;
    ended ||= piece.endsWith('=', whole);
    await turn();
  }
  return written;
}

/** Bytes that the digits from `start` to `end` make, if there is no whitespace between them. */
export function base64Bytes(text: string, start: number, end: number): number {
  const padding = text.endsWith('==', end) ? 2 : text.endsWith('=', end) ? 1 : 0;
  return Math.max(0, Math.floor(((end - start - padding) * 3) / 4));
}

/** Undefined where other characters than those of base64 could hide in it. */
function withoutSpace(piece: string): string | undefined {
  if (/[^\t\n\f\r -~]/.test(piece)) return undefined;
  if (!/\s/.test(piece)) return piece;
  // A regular expression takes some twenty times as long where every other character is a space.
  const bytes = Buffer.from(piece, 'latin1');
  let size = 0;
  for (const byte of bytes) {
    if (byte > SPACE) bytes[size++] = byte;
  }
  return bytes.toString('latin1', 0, size);
}
