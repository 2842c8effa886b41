import { head, type Target, Wire } from '../wire.js';
import { type Attack, inTurn, type Kind } from './kind.js';

/** Milliseconds for which the last byte does not come. */
const PATIENCE = 30_000;

/** Sends all of a body but its last byte. Gives the wire, on which nothing moves any more. */
export async function stall(target: Target, path: string, type: string, body: Uint8Array) {
  const wire = await Wire.open(target);
  const fields = { 'content-type': type, 'content-length': body.length + 1 };
  await wire.send(head('POST', path, fields));
  await wire.send(body);
  return wire;
}

/** Bodies that stop short of their end. */
export const stalls: Kind = {
  name: 'stalls',
  connections: 24,
  pauseMs: 1000,
  async prepare(share) {
    const image = Buffer.alloc(share * 32 * 2 ** 20 - 1024, 1);
    const json = Buffer.alloc(share * 16 * 2 ** 20 - 1024, 0x20);
    const to =
      (path: string, type: string, body: Buffer): Attack =>
      async (target) => {
        const wire = await stall(target, path, type, body);
        const answer = wire.answer();
        await wire.hold(PATIENCE);
        return (await answer).status;
      };
    return inTurn(
      to('/embed', 'image/png', image),
      to('/decode', 'application/json', json),
      to('/embed', 'application/json', image),
      to('/everything', 'application/json', json.subarray(0, 2 ** 19)),
    );
  },
};
