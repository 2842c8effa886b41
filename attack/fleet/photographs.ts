import sharp from 'sharp';
import { photograph } from '../../test/fixtures/pictures.js';

const SIZES = 10;

/** Files of pictures that are all different, in ten sizes. */
export function photographs(count: number): Promise<Buffer[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) => {
      const { data, ...size } = photograph(320 + 16 * (i % SIZES), 240, i + 1);
      return sharp(data, { raw: { ...size, channels: 3 } })
        .png()
        .toBuffer();
    }),
  );
}

/** A file that no other is equal to, with the same picture: what follows the end of a PNG is no part of it. */
export function another(file: Buffer, name: string): Buffer {
  return Buffer.concat([file, Buffer.from(name)]);
}

/** One that ends an encode worker: see hooks/poison.mjs. */
export function poison(): Promise<Buffer> {
  const create = { width: 64, height: 64, channels: 3, background: '#ff00ff' } as const;
  return sharp({ create }).png().toBuffer();
}
