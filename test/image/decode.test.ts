import sharp, { type Sharp } from 'sharp';
import t from 'tap';
import { declaredSize } from '#src/image/declared-size.js';
import { decodeAsFile, decodeImage, decodeTransparent } from '#src/image/decode.js';
import { inksToColours } from '#src/image/inks.js';
import { pngChunk, withChunks } from '../fixtures/bombs.js';
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
});

t.test('inks become colours by arithmetic, as with PIL', async (t) => {
  const inks = Uint8Array.of(200, 100, 50, 25, 0, 0, 0, 0, 255, 128, 1, 255, 1, 2, 3, 128);
  // PIL's 12.3 made these of 200, 100, 50, 25 and so on.
  t.same(
    [...inksToColours(inks.slice(), 3)],
    [50, 140, 185, 255, 255, 255, 0, 0, 0, 127, 126, 126],
  );
  t.same(
    [...inksToColours(inks, 4)],
    [50, 140, 185, 255, 255, 255, 255, 255, 0, 0, 0, 255, 127, 126, 126, 255],
  );
  for (const progressive of [false, true]) {
    const print = picture().toColourspace('cmyk');
    const file = await print.clone().jpeg({ quality: 100, progressive }).toBuffer();
    const decoded = await decodeImage(file, limits);
    const profiled = await print.withIccProfile('cmyk').jpeg({ quality: 100, progressive });
    for (const each of [file, await profiled.toBuffer()]) {
      const stored = sharp(each, { ignoreIcc: true }).pipelineColourspace('cmyk');
      const { data, info } = await stored
        .toColourspace('cmyk')
        .raw()
        .toBuffer({ resolveWithObject: true });
      t.equal(info.channels, 4);
      const { data: pixels } = await decodeImage(each, limits);
      t.same(pixels, inksToColours(data, 3));
      t.equal(pixels.length, 60 * 40 * 3);
    }
    const marker = file.indexOf('Adobe') - 4;
    const unmarked = Buffer.concat([file.subarray(0, marker), file.subarray(marker + 16)]);
    t.notOk(unmarked.includes('Adobe'));
    t.same((await decodeImage(unmarked, limits)).data, decoded.data, 'whoever wrote it');
  }
});

t.test('what is transparent keeps its colour on request', async (t) => {
  const pixels = Uint8Array.of(10, 20, 30, 0, 200, 100, 50, 128, 1, 2, 3, 255, 4, 5, 6, 7);
  const tile = () => sharp(pixels, { raw: { width: 2, height: 2, channels: 4 } });
  const files = {
    png: await tile().png().toBuffer(),
    interlaced: await tile().png({ progressive: true }).toBuffer(),
    webp: await tile().webp({ lossless: true, exact: true }).toBuffer(),
    '16 bits': await tile().toColourspace('rgb16').png().toBuffer(),
  };
  t.equal((await sharp(files['16 bits']).metadata()).depth, 'ushort');
  for (const [name, file] of Object.entries(files)) {
    t.same([...(await decodeTransparent(file, limits)).data], [...pixels], name);
    t.same([...(await decodeAsFile(file, limits)).data], [...pixels], name);
  }
  const grey = sharp(Uint8Array.of(7, 77, 9, 99), { raw: { width: 2, height: 1, channels: 2 } });
  const { data } = await decodeTransparent(await grey.png().toBuffer(), limits);
  t.same([...data], [7, 7, 7, 77, 9, 9, 9, 99], 'grey');
  for (const opaque of [
    picture().png(),
    picture().jpeg(),
    picture().toColourspace('cmyk').jpeg(),
  ]) {
    const file = await opaque.toBuffer();
    const { data } = await decodeTransparent(file, limits);
    const plain = await decodeImage(file, limits);
    const expected = await sharp(plain.data, { raw }).ensureAlpha().raw().toBuffer();
    t.ok(Buffer.from(data).equals(expected));
    t.same(await decodeAsFile(file, limits), plain, 'three channels where there is no opacity');
  }
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
    // A PNG has nothing of its pixels in its last 12 bytes.
    const lengths = [0.05, 0.5, 0.9, 0.99].map((share) => Math.floor(file.length * share));
    for (const length of [...lengths, file.length - (format === 'png' ? 14 : 2)]) {
      const part = file.subarray(0, length);
      await t.rejects(
        decodeImage(part, limits),
        { code: 'image-unreadable' },
        `${format} ${length}`,
      );
    }
  }
});

t.test('what a library only warns of is read', async (t) => {
  const jpeg = await picture().jpeg().toBuffer();
  const { data } = await decodeImage(jpeg, limits);
  const [frame, scan] = [0xc0, 0xda].map((marker) => jpeg.indexOf(Buffer.from([0xff, marker])));
  const insert = (at: number, ...bytes: number[]) =>
    Buffer.concat([jpeg.subarray(0, at), Buffer.from(bytes), jpeg.subarray(at)]);
  const ofSpectrum = Buffer.from(jpeg);
  // The end of the spectrum, the last byte but one of the scan's header: Samsung writes 0.
  ofSpectrum[(scan as number) + 2 + jpeg.readUInt16BE((scan as number) + 2) - 2] = 0;
  const adobe = [...Buffer.from('\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\x07', 'latin1')];
  const jfif = [...Buffer.from('\xff\xe0\0\x10JFIF\0\x09\0\0\0\x01\0\x01\0\0', 'latin1')];
  const files = {
    'a scan of no spectrum': ofSpectrum,
    'bytes before the frame': insert(frame as number, 0, 1, 2),
    'bytes before the scan': insert(scan as number, 0, 0, 0, 0),
    'bytes before the end': insert(jpeg.length - 2, 0, 0, 0, 0),
    'fill bytes': insert(frame as number, 0xff, 0xff, 0xff),
    'bytes after the end': insert(jpeg.length, 1, 2, 3),
    'a transform that is not known': insert(2, ...adobe),
    'a version that is not known': insert(2, ...jfif),
  };
  for (const [name, file] of Object.entries(files)) {
    t.ok(Buffer.from((await decodeImage(file, limits)).data).equals(data), name);
    t.same(declaredSize(file), { width: 60, height: 40 }, name);
  }
  const png = await picture().png().toBuffer();
  const end = Buffer.from(png);
  end[end.length - 1] = (end.at(-1) as number) ^ 1;
  const text = pngChunk('tEXt', Buffer.from('x\0y'));
  const orientation = pngChunk('eXIf', Buffer.from('MM\0*\0\0\0\0'));
  for (const chunk of [text, orientation]) chunk[chunk.length - 1] = (chunk.at(-1) as number) ^ 1;
  const marked = [end, png.subarray(0, -12), withChunks(png, text), withChunks(png, orientation)];
  for (const [i, file] of marked.entries()) {
    t.ok(Buffer.from((await decodeImage(file, limits)).data).equals(image.data), `PNG ${i}`);
  }
});

t.test('a JPEG that ends before its pixels do is damaged', async (t) => {
  for (const progressive of [false, true]) {
    const jpeg = await picture().jpeg({ progressive }).toBuffer();
    const higher = Buffer.from(jpeg);
    higher.writeUInt16BE(80, jpeg.indexOf(Buffer.from([0xff, progressive ? 0xc2 : 0xc0])) + 5);
    const shorter = Buffer.concat([jpeg.subarray(0, -200), jpeg.subarray(-2)]);
    for (const file of [higher, shorter]) {
      await t.rejects(decodeImage(file, limits), { code: 'image-unreadable' });
    }
  }
});

t.test('a PNG whose checksums are wrong is damaged', async (t) => {
  for (const progressive of [false, true]) {
    const png = await picture().png({ progressive }).toBuffer();
    const pixels = png.indexOf('IDAT') + 4;
    const places = {
      'of the header': 29,
      'of the pixels': pixels + png.readUInt32BE(pixels - 8),
      'within the pixels': pixels + png.readUInt32BE(pixels - 8) - 1,
    };
    for (const [name, at] of Object.entries(places)) {
      const file = Buffer.from(png);
      file[at] = (file[at] as number) ^ 1;
      await t.rejects(decodeImage(file, limits), { code: 'image-unreadable' }, name);
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
