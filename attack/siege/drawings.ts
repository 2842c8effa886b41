import { multipart, part } from '../../test/fixtures/multipart.js';
import { bomb } from '../images.js';
import type { Target } from '../wire.js';
import { field, sendForm } from './fields.js';
import { type Attack, inTurn, type Kind } from './kind.js';

/** Sends an image and prompts in one form. */
export async function segment(
  target: Target,
  path: string,
  file: Uint8Array,
  fields: Record<string, unknown>,
  accept = '*/*',
) {
  const others = Object.entries(fields).map(([name, value]) => field(name, JSON.stringify(value)));
  const image = part('name="image"; filename="a"', file);
  return sendForm(target, path, multipart(image, ...others), accept);
}

/** Boxes that cover an image of `side` pixels. */
export function boxes(count: number, side: number): object[] {
  return Array.from({ length: count }, (_, i) => ({ box: [i, i, side - i, side - i] }));
}

/** Pictures of 49 megapixels that are to be drawn on, cut from, and written out. */
export const drawings: Kind = {
  name: 'drawings',
  connections: 3,
  pauseMs: 1000,
  async prepare(share) {
    const side = Math.round(7000 * Math.sqrt(share));
    const file = await bomb(side, side);
    const to =
      (path: string, fields: Record<string, unknown>): Attack =>
      async (target) =>
        (await segment(target, path, file, fields)).status;
    return inTurn(
      to('/segment?overlay=1', { prompts: boxes(20, side) }),
      to('/segment', { prompts: boxes(3, side), format: 'cutout' }),
      to('/segment', { prompts: boxes(8, side), format: 'labelstudio_rle' }),
      to('/segment', { prompts: boxes(8, side), format: 'png', min_area: 1000 }),
    );
  },
};
