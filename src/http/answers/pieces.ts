/** An answer that is not a whole, but comes piece by piece. */
export type Pieces = AsyncIterable<string | Uint8Array>;

/** Bytes that are handed to a connection at once; what is longer goes in pieces. */
export const PIECE_BYTES = 64 * 1024;

/** Bytes in pieces that a connection takes at once. */
export function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    yield bytes.subarray(at, at + PIECE_BYTES);
  }
}
