import type { OnBytes } from '../progress.js';

/** The body of an answer, watched as it comes. */
export async function download(
  response: Response,
  onBytes?: OnBytes,
): Promise<Uint8Array<ArrayBuffer>> {
  const length = response.headers.get('content-length');
  // Of a compressed answer the header says another length than its bytes will have.
  const known = length !== null && !response.headers.has('content-encoding');
  const total = known ? Number(length) : undefined;
  if (!onBytes || !response.body) return new Uint8Array(await response.arrayBuffer());
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { value, done } = await reader.read();
    if (done) break;
    pieces.push(value);
    loaded += value.length;
    onBytes(loaded, total);
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
