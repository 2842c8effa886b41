import { MULTIPART, multipart, part } from '../../test/fixtures/multipart.js';
import { chunked, head, LAST_CHUNK, type Target, Wire } from '../wire.js';
import { type Attack, inTurn, type Kind } from './kind.js';

/** Chunks that are sent at once, and the milliseconds between. */
const BURST = 2500;
const EVERY = 250;

/** Sends a body in chunks of one byte, as fast as `paced` lets it. @returns the answer */
export async function drip(
  target: Target,
  path: string,
  type: string,
  body: Uint8Array,
  paced: boolean,
): ReturnType<Wire['answer']> {
  const wire = await Wire.open(target);
  const answer = wire.answer();
  await wire.send(head('POST', path, { 'content-type': type, 'transfer-encoding': 'chunked' }));
  for (let at = 0; at < body.length && wire.open; at += BURST) {
    await wire.send(chunked(body.subarray(at, at + BURST), 1));
    if (paced) await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
  await wire.send(LAST_CHUNK);
  return answer;
}

/** A form whose one file is `size` bytes of nothing. */
export function fileForm(size: number): Buffer {
  const named = 'name="image"; filename="a"\r\nContent-Type: image/png';
  return multipart(part(named, Buffer.alloc(size, 1)));
}

/** Bodies in chunks of one byte. */
export const drops: Kind = {
  name: 'drops',
  connections: 4,
  pauseMs: 500,
  async prepare(share) {
    const size = share * 16 * 2 ** 20;
    const form = fileForm(size);
    const bytes = Buffer.alloc(size, 0x20);
    const to =
      (path: string, type: string, body: Buffer): Attack =>
      async (target) =>
        (await drip(target, path, type, body, true)).status;
    return inTurn(
      to('/embed', 'image/png', bytes),
      to('/decode', 'application/json', bytes),
      to('/segment', MULTIPART, form),
      to('/embed', 'application/json', bytes),
    );
  },
};
