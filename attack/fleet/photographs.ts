import sharp from 'sharp';
import { photograph } from '../../test/fixtures/pictures.js';

const PICTURES = 10;

/** An image file, and which of few pictures it has: those with the same have the same embedding. */
export interface Photograph {
  readonly file: Buffer;
  readonly picture: number;
}

/** Files that are all different, with ten pictures of different sizes. */
export async function photographs(count: number): Promise<Photograph[]> {
  const pictures = await Promise.all(
    Array.from({ length: PICTURES }, (_, i) => {
      const { data, ...size } = photograph(320 + 16 * i, 240, i + 1);
      return sharp(data, { raw: { ...size, channels: 3 } })
        .png()
        .toBuffer();
    }),
  );
  return Array.from({ length: count }, (_, i) => {
    const picture = i % PICTURES;
    // What follows the end of a PNG is no part of it.
    const file = Buffer.concat([pictures[picture] as Buffer, Buffer.from(`#${i}`)]);
    return { file, picture };
  });
}

/** One that ends an encode worker: see hooks/poison.mjs. */
export function poison(): Promise<Buffer> {
  const create = { width: 64, height: 64, channels: 3, background: '#ff00ff' } as const;
  return sharp({ create }).png().toBuffer();
}
