import sharp from 'sharp';
import t from 'tap';
import { decodeImage } from '#src/image/decode.js';
import { imageWarnings } from '#src/image/warnings.js';

/** Warnings about a PNG of 16 bits whose pixels grow up to a value. */
async function upTo(most: number): Promise<string[]> {
  const pixels = Uint16Array.from({ length: 32 * 32 }, (_, i) => (i / 1023) * most);
  const file = await sharp(pixels, { raw: { width: 32, height: 32, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer();
  t.equal((await sharp(file).metadata()).depth, 'ushort');
  return imageWarnings(await decodeImage(file, { maxPixels: 1e6 }));
}

t.test('16 bits of which only the lowest are used', async (t) => {
  for (const most of [0, 255, 1023, 4095]) t.match(await upTo(most), [/lowest 12/], `${most}`);
  for (const most of [4096, 16_383, 65_535]) t.same(await upTo(most), [], `${most}`);
});

t.test('8 bits may be dark', async (t) => {
  const create = { width: 9, height: 9, channels: 3, background: 'black' } as const;
  const file = await sharp({ create }).png().toBuffer();
  t.same(imageWarnings(await decodeImage(file, { maxPixels: 1e6 })), []);
});
