import sharp, { type Sharp } from 'sharp';
import t from 'tap';
import { decodeImage } from '#src/image/decode.js';
import { photograph } from '../fixtures/pictures.js';

const limits = { maxPixels: 1_000_000 };
const image = photograph(60, 40);
const raw = { width: 60, height: 40, channels: 3 } as const;
const picture = () => sharp(image.data, { raw });

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] as number)), 0) / a.length;
}

t.test('formats', async (t) => {
  const png = await decodeImage(await picture().png().toBuffer(), limits);
  t.match(png, { width: 60, height: 40 });
  t.ok(Buffer.from(image.data).equals(png.data), 'PNG is lossless');
  const webp = await decodeImage(await picture().webp({ lossless: true }).toBuffer(), limits);
  t.ok(Buffer.from(image.data).equals(webp.data), 'so is WebP on request');
  for (const format of ['jpeg', 'avif'] as const) {
    const file = await picture().toFormat(format, { quality: 95 }).toBuffer();
    const { data } = await decodeImage(file, limits);
    t.ok(meanDifference(data, image.data) < 6, `${format}: ${meanDifference(data, image.data)}`);
  }
});

t.test('all orientations come out upright', async (t) => {
  const [right, bottom] = [60 - 1, 40 - 1];
  // Where the EXIF standard puts the stored pixel of row r and column c, upright.
  const upright: Record<number, (r: number, c: number) => [x: number, y: number]> = {
    1: (r, c) => [c, r],
    2: (r, c) => [right - c, r],
    3: (r, c) => [right - c, bottom - r],
    4: (r, c) => [c, bottom - r],
    5: (r, c) => [r, c],
    6: (r, c) => [right - r, c],
    7: (r, c) => [right - r, bottom - c],
    8: (r, c) => [r, bottom - c],
  };
  for (const [orientation, place] of Object.entries(upright)) {
    const [width, height] = Number(orientation) < 5 ? [60, 40] : [40, 60];
    const stored = new Uint8Array(width * height * 3);
    for (let r = 0; r < height; r++) {
      for (let c = 0; c < width; c++) {
        const [x, y] = place(r, c);
        const from = (y * 60 + x) * 3;
        stored.set(image.data.subarray(from, from + 3), (r * width + c) * 3);
      }
    }
    const file = await sharp(stored, { raw: { width, height, channels: 3 } })
      .withMetadata({ orientation: Number(orientation) })
      .png()
      .toBuffer();
    const decoded = await decodeImage(file, limits);
    t.match(decoded, { width: 60, height: 40 }, orientation);
    t.ok(Buffer.from(image.data).equals(decoded.data), `orientation ${orientation}`);
  }
});

t.test('every kind of pixel becomes 8-bit RGB', async (t) => {
  const of = async (pixels: number[], channels: 1 | 2 | 3 | 4, to: (s: Sharp) => Sharp) => {
    const tile = { width: 1, height: 1, channels } as const;
    const file = await to(sharp(Uint8Array.from(pixels), { raw: tile })).toBuffer();
    return [...(await decodeImage(file, limits)).data];
  };
  t.same(await of([77], 1, (s) => s.toColourspace('b-w').png()), [77, 77, 77], 'grey');
  t.same(await of([10, 20, 30, 0], 4, (s) => s.png()), [255, 255, 255], 'transparent is white');
  const [red] = await of([255, 0, 0, 128], 4, (s) => s.png());
  const half = await of([0, 0, 0, 128], 4, (s) => s.png());
  t.equal(red, 255);
  t.ok(
    half.every((value) => Math.abs(value - 127) <= 1),
    `half black over white: ${half}`,
  );
  t.same(await of([200, 100, 50], 3, (s) => s.png({ palette: true })), [200, 100, 50], 'palette');
  t.same(
    await of([200, 100, 50], 3, (s) => s.toColourspace('rgb16').png()),
    [200, 100, 50],
    '16 bits',
  );
  const cmyk = await of([200, 100, 50], 3, (s) => s.toColourspace('cmyk').jpeg({ quality: 100 }));
  t.ok(
    (cmyk[0] as number) > (cmyk[1] as number) && (cmyk[1] as number) > (cmyk[2] as number),
    `CMYK: ${cmyk}`,
  );
});

t.test('a colour profile changes nothing', async (t) => {
  const plain = await picture().jpeg({ quality: 95 }).toBuffer();
  // The profile alone is added: the coded pixels stay what they are.
  const tagged = await sharp(plain).withIccProfile('p3', { attach: true }).png().toBuffer();
  const untagged = await sharp(tagged, { ignoreIcc: true }).png().toBuffer();
  t.ok((await sharp(tagged).metadata()).icc, 'there is a profile');
  t.same((await decodeImage(tagged, limits)).data, (await decodeImage(untagged, limits)).data);
});

t.test('an animation is its first frame', async (t) => {
  const frames = Buffer.concat([Buffer.alloc(8 * 8 * 3, 40), Buffer.alloc(8 * 8 * 3, 220)]);
  const file = await sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
    .webp({ lossless: true })
    .toBuffer();
  t.equal((await sharp(file).metadata()).pages, 2);
  const first = await decodeImage(file, limits);
  t.match(first, { width: 8, height: 8 });
  t.same(new Set(first.data), new Set([40]));
});

t.test('files that are cut off are refused', async (t) => {
  for (const format of ['jpeg', 'png', 'webp', 'avif'] as const) {
    const file = await sharp(photograph(300, 200).data, {
      raw: { width: 300, height: 200, channels: 3 },
    })
      .toFormat(format)
      .toBuffer();
    for (const share of [0.05, 0.5, 0.9]) {
      const part = file.subarray(0, Math.floor(file.length * share));
      await t.rejects(
        decodeImage(part, limits),
        { code: 'image-unreadable' },
        `${format} ${share}`,
      );
    }
  }
});

t.test('pixels are limited before they are decoded', async (t) => {
  const file = await sharp({
    create: { width: 5000, height: 4000, channels: 3, background: 'red' },
  })
    .png()
    .toBuffer();
  await t.rejects(decodeImage(file, limits), {
    code: 'image-too-large',
    message: 'the image has 5000x4000 pixels, more than the 1000000 allowed',
  });
  // Cut off as it is, it would be unreadable if anything had been decoded.
  await t.rejects(decodeImage(file.subarray(0, 64), limits), { code: 'image-too-large' });
});

t.test('other kinds are not loaded, whatever they contain', async (t) => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
  for (const file of [svg, gif]) {
    await t.rejects(decodeImage(file, limits), { code: 'image-unreadable' });
  }
});
