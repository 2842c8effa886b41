import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import t from 'tap';
import { pngChunk } from '#src/core/bytes/png-chunk.js';
import { colourChunks, withChunks } from '#src/image/colour-chunks.js';
import { unpackingChunks, withChunks as withMore } from '../fixtures/bombs.js';
import { photograph } from '../fixtures/pictures.js';

const { width, height, data } = photograph(40, 30);
const picture = () => sharp(data, { raw: { width, height, channels: 3 } });
const png = await picture().png().toBuffer();
const drawn = await picture().removeAlpha().png().toBuffer();

/** What a reader finds in a picture with the chunks. */
async function told(chunks: Uint8Array) {
  const made = withChunks(drawn, chunks);
  t.same(await sharp(made, { ignoreIcc: true }).raw().toBuffer(), Buffer.from(data), 'its pixels');
  return (await sharp(made).metadata()).icc;
}

t.test('the profile of every format', async (t) => {
  for (const format of ['jpeg', 'png', 'webp', 'avif'] as const) {
    const file = await picture().withIccProfile('p3').toFormat(format).toBuffer();
    const { icc } = await sharp(file).metadata();
    t.ok(icc);
    t.same(await told(colourChunks(file)), icc, format);
    t.same(colourChunks(await picture().toFormat(format).toBuffer()), Buffer.alloc(0), 'none');
    for (let end = 12; end < file.length; end += 97) colourChunks(file.subarray(0, end));
  }
});

t.test('a profile in several segments of a JPEG, in any order', async (t) => {
  const plain = await picture().jpeg().toBuffer();
  const icc = (await sharp(await picture().withIccProfile('p3').jpeg().toBuffer()).metadata()).icc;
  const segment = (number: number, part: Buffer) => {
    const head = Buffer.from(
      `\xff\xe2\0\0ICC_PROFILE\0${String.fromCharCode(number, 3)}`,
      'latin1',
    );
    head.writeUInt16BE(16 + part.length, 2);
    return Buffer.concat([head, part]);
  };
  const parts = [icc?.subarray(0, 100), icc?.subarray(100, 201), icc?.subarray(201)] as Buffer[];
  const segments = [2, 1, 3].map((number) => segment(number, parts[number - 1] as Buffer));
  const file = Buffer.concat([plain.subarray(0, 2), ...segments, plain.subarray(2)]);
  t.same(await told(colourChunks(file)), icc);
  const halved = Buffer.concat([plain.subarray(0, 2), segments[0] as Buffer, plain.subarray(2)]);
  t.same(colourChunks(halved), Buffer.alloc(0), 'a part of one says nothing');
});

t.test('a PNG without a profile may name its primaries and its curve', async (t) => {
  const gamma = pngChunk('gAMA', Buffer.from([0, 0, 0xb1, 0x8f]));
  const primaries = pngChunk('cHRM', Buffer.alloc(32, 1));
  const chunks = Buffer.concat([gamma, primaries, pngChunk('cICP', Uint8Array.of(12, 13, 0, 1))]);
  t.same(colourChunks(withMore(png, chunks)), chunks);
  t.same(colourChunks(withMore(png, pngChunk('gAMA', Buffer.alloc(999)))), Buffer.alloc(0));
});

t.test('so may an AVIF', async (t) => {
  const file = await picture().withIccProfile('p3').avif().toBuffer();
  const at = file.indexOf('colr') + 4;
  const named = (primaries: number, curve: number) => {
    file.write('nclx', at, 'latin1');
    file.writeUInt16BE(primaries, at + 4);
    file.writeUInt16BE(curve, at + 6);
    return colourChunks(file);
  };
  t.same(named(12, 13), pngChunk('cICP', Uint8Array.of(12, 13, 0, 1)));
  t.same(named(1, 13), Buffer.alloc(0), 'those of sRGB go without saying');
  t.same(named(2, 2), Buffer.alloc(0), 'as do those that are not known');
});

t.test('profiles of other pixels, damaged and endless ones are left out', async (t) => {
  const print = await picture().toColourspace('cmyk').withIccProfile('cmyk').jpeg().toBuffer();
  t.ok((await sharp(print).metadata()).icc);
  const profile = (await sharp(await picture().withIccProfile('p3').png().toBuffer()).metadata())
    .icc as Buffer;
  const named = (icc: Buffer) =>
    pngChunk('iCCP', Buffer.concat([Buffer.from('x\0\0'), deflateSync(icc)]));
  const grey = Buffer.from(profile);
  grey.write('GRAY', 16, 'latin1');
  const files = {
    'of inks': print,
    'of grey': withMore(png, named(grey)),
    'cut off': withMore(png, named(profile.subarray(0, 200))),
    'not packed': withMore(png, pngChunk('iCCP', Buffer.from('x\0\0hello'))),
    endless: withMore(png, ...unpackingChunks(64)),
  };
  for (const [name, file] of Object.entries(files)) {
    t.same(colourChunks(file), Buffer.alloc(0), name);
  }
  t.equal((await told(colourChunks(withMore(png, named(profile)))))?.length, profile.length);
});
