import { commentBomb, emptyChunks, frameBomb, scanBomb, textBomb } from '../structures.js';
import { exchange, head, post, type Target } from '../wire.js';
import { type Attack, inTurn, type Kind } from './kind.js';

/** Uploads an image. */
export async function upload(target: Target, file: Uint8Array, type = 'image/png') {
  const fields = { 'content-type': type, 'content-length': file.length };
  return exchange(target, head('POST', '/embed', fields), file);
}

/** A PNG as the mask that is to be refined, for a picture of 400x300. */
export function refine(target: Target, png: Buffer) {
  const mask_input = { png: png.toString('base64') };
  return post(target, '/decode', { embedding_id: target.id, mask_input, box: [40, 40, 140, 140] });
}

/** Small image files whose structure costs time or memory. */
export const files: Kind = {
  name: 'files',
  connections: 8,
  pauseMs: 500,
  async prepare(share) {
    const sized = (count: number) => Math.ceil(share * count);
    const made = [
      scanBomb(sized(2600), 7000),
      await frameBomb(sized(120_000)),
      textBomb(sized(700)),
      await commentBomb(sized(400_000)),
      emptyChunks(sized(400_000)),
    ];
    const mask = textBomb(sized(700), 400, 300);
    let sent = 0;
    const attacks = made.map(
      (file): Attack =>
        async (target) => {
          // Never the same twice: one that was decoded would be remembered.
          const other = Buffer.concat([file, Buffer.from(`#${target.from} ${sent++}`)]);
          return (await upload(target, other)).status;
        },
    );
    return inTurn(...attacks, async (target) => (await refine(target, mask)).status);
  },
};
