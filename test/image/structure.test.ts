import sharp, { type Sharp } from 'sharp';
import t from 'tap';
import { decodeImage } from '#src/image/decode.js';
import { neededParts } from '#src/image/structure/needed.js';
import { manyFrames, manyScans, pngChunk, unpackingChunks, withChunks } from '../fixtures/bombs.js';
import { photograph } from '../fixtures/pictures.js';

const limits = { maxPixels: 1_000_000 };
const [width, height] = [97, 61];
const opaque = photograph(width, height).data;
const pixels = Buffer.alloc(width * height * 4);
for (let i = 0; i < width * height; i++) {
  pixels.set(opaque.subarray(i * 3, i * 3 + 3), i * 4);
  pixels[i * 4 + 3] = i % 7 === 0 ? 255 : i % 256;
}
const rgba = () => sharp(pixels, { raw: { width, height, channels: 4 } });
const rgb = () => rgba().removeAlpha();

/** What the library makes of all of a file. */
async function decodedWhole(file: Buffer): Promise<Buffer> {
  return sharp(file, { ignoreIcc: true, pages: 1 })
    .autoOrient()
    .flatten({ background: 'white' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer();
}

const ANIMATION = Buffer.alloc(width * height * 4 * 3, 0);
for (let i = 0; i < ANIMATION.length; i++)
  ANIMATION[i] = i * 7 + Math.floor(i / pixels.length) * 90;
const animation = () =>
  sharp(ANIMATION, { raw: { width, height: height * 3, channels: 4, pageHeight: height } });

t.test('what is left out is in no pixel', async (t) => {
  const files: Record<string, Sharp> = {
    'xmp and exif': rgb()
      .withXmp('<x/>')
      .withExif({ IFD0: { Copyright: 'x' } })
      .jpeg(),
    'grey jpeg': rgb().greyscale().jpeg(),
    '16 bits': rgba().toColourspace('rgb16').png({ progressive: true }),
    'grey png': rgba().greyscale().png(),
    animation: animation().webp({ lossless: true }),
    'lossy animation': animation().withMetadata({ orientation: 6 }).webp(),
  };
  for (const flag of [true, false]) {
    files[`jpeg ${flag}`] = rgb().jpeg({ progressive: flag, mozjpeg: flag });
    for (const picture of [rgb, rgba]) {
      files[`png ${flag} ${picture.name}`] = picture().png({ progressive: flag, palette: !flag });
      files[`webp ${flag} ${picture.name}`] = picture().withXmp('<x/>').webp({ lossless: flag });
    }
  }
  for (const format of ['jpeg', 'png', 'webp', 'avif'] as const) {
    files[`profile ${format}`] = rgb().withIccProfile('p3').toFormat(format);
    for (const orientation of [3, 6]) {
      const oriented = rgba().flatten().withMetadata({ orientation });
      files[`${format} of orientation ${orientation}`] = oriented.toFormat(format);
    }
  }
  for (const [name, picture] of Object.entries(files)) {
    const file = await picture.toBuffer();
    const { data } = await decodeImage(file, limits);
    t.ok(Buffer.from(data).equals(await decodedWhole(file)), name);
    t.ok(neededParts(file).length <= file.length, `${name} does not grow`);
  }
});

t.test('a first frame that does not fill the canvas stays where it is', async (t) => {
  const file = await animation().webp({ lossless: true }).toBuffer();
  const [canvas, frame] = [file.indexOf('VP8X') + 8, file.indexOf('ANMF') + 8];
  file.writeUIntLE(width + 19, canvas + 4, 3);
  file.writeUIntLE(height + 9, canvas + 7, 3);
  file.writeUIntLE(5, frame, 3);
  file.writeUIntLE(3, frame + 3, 3);
  const decoded = await decodeImage(file, limits);
  t.match(decoded, { width: width + 20, height: height + 10 });
  t.ok(Buffer.from(decoded.data).equals(await decodedWhole(file)));
});

t.test('an animation of very many frames is its first', async (t) => {
  const file = await manyFrames(50_000);
  t.ok(file.length > 1_000_000);
  t.ok(neededParts(file).length < 200);
  t.same([...(await decodeImage(file, limits)).data], [10, 20, 30]);
});

t.test('a JPEG of very many scans is refused', async (t) => {
  const refusal = {
    code: 'image-unreadable',
    message: /^the JPEG has 2\d\d\d scans, more than the 100 that are decoded$/,
  };
  await t.rejects(decodeImage(await manyScans(2000, 64, 64), limits), refusal);
});

t.test('text and profiles of a PNG are not unpacked', async (t) => {
  const png = await rgb().png().toBuffer();
  const bomb = withChunks(png, ...unpackingChunks(1));
  const plain = Buffer.from(neededParts(png));
  t.ok(plain.equals(neededParts(bomb)), 'nothing of them is left');
  const many = withChunks(png, ...Array<Buffer[]>(1000).fill(unpackingChunks(1)).flat());
  t.ok(plain.equals(neededParts(many)));
});

t.test('comments and unknown segments of a JPEG go', async (t) => {
  const jpeg = await rgb().jpeg().toBuffer();
  const segment = (marker: number) => Buffer.from([0xff, marker, 0, 4, 1, 2]);
  const more = [0xe1, 0xe2, 0xe5, 0xed, 0xfe].map(segment);
  const file = Buffer.concat([jpeg.subarray(0, 2), ...more, jpeg.subarray(2), Buffer.alloc(999)]);
  t.ok(Buffer.from(neededParts(file)).equals(Buffer.from(neededParts(jpeg))));
});

t.test('very many chunks or segments beside the pixels are refused', async (t) => {
  const png = await rgb().png().toBuffer();
  const jpeg = await rgb().jpeg().toBuffer();
  const comment = Buffer.from([0xff, 0xfe, 0, 2]);
  const files = (count: number) => [
    withChunks(png, ...Array<Buffer>(count).fill(pngChunk('teSt', Buffer.alloc(0)))),
    Buffer.concat([jpeg.subarray(0, 2), ...Array<Buffer>(count).fill(comment), jpeg.subarray(2)]),
  ];
  for (const file of files(9_000)) t.match(await decodeImage(file, limits), { width, height });
  for (const file of files(11_000)) {
    const message = /more than the 10000 (chunks|segments) beside its pixels/;
    await t.rejects(decodeImage(file, limits), { code: 'image-unreadable', message });
  }
});

t.test('an AVIF of very many boxes is refused', async (t) => {
  const avif = await rgb().avif().toBuffer();
  const box = Buffer.from('\0\0\0\x08free', 'latin1');
  const file = Buffer.concat([avif, ...Array<Buffer>(20_000).fill(box)]);
  const refusal = { code: 'image-unreadable', message: /more than the 10000 boxes/ };
  await t.rejects(decodeImage(file, limits), refusal);
});

t.test('a WebP that ends too soon is damaged, wherever it was cut', async (t) => {
  const file = await rgb().withMetadata({ orientation: 6 }).webp().toBuffer();
  const cut = file.subarray(0, file.indexOf('EXIF'));
  await t.rejects(decodeImage(cut, limits), { code: 'image-unreadable', message: /damaged/ });
});
