import { post } from '../wire.js';
import { type Attack, inTurn, type Kind } from './kind.js';

/** Logits that change their sign from one to the next, strong enough to come through. */
function checkerboard(strength: number): object {
  const logits = new Float32Array(256 * 256);
  for (let y = 0; y < 256; y++) {
    for (let x = 0; x < 256; x++) logits[y * 256 + x] = (x + y) % 2 ? strength : -strength;
  }
  return { dtype: 'float32', data: Buffer.from(logits.buffer).toString('base64') };
}

/** A transform whose every product has all its digits. */
const TRANSFORM = [1 / 3, 1 / 7, 1e5 / 3, 1 / 11, 1 / 13, 1e5 / 7];

/** Prompts whose masks have very long outlines. */
export function checkerboards(count: number, fields: object): object {
  const prompt = { mask_input: checkerboard(3000), multimask_output: true };
  return { prompts: Array(count).fill(prompt), transform: TRANSFORM, ...fields };
}

/** Outlines as long as they can be, in all formats that have them. */
export const outlines: Kind = {
  name: 'outlines',
  connections: 4,
  pauseMs: 1000,
  async prepare(share) {
    const count = Math.ceil(share * 16);
    const to = (fields: object, accept?: string): Attack => {
      const body = checkerboards(count, fields);
      return async (target) =>
        (await post(target, '/decode', { embedding_id: target.id, ...body }, accept)).status;
    };
    const none = { transform: undefined };
    return inTurn(
      to({ format: 'geojson' }),
      to({ format: 'geojson', simplify: 0.01 }, 'application/geo+json'),
      to({ format: 'polygon', simplify: 300, ...none }),
      to({ format: 'svg', min_area: 50, ...none }),
    );
  },
};
