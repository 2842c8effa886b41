import { createHash } from 'node:crypto';
import sharp, { type Sharp } from 'sharp';
import type { ErrorCode } from '../src/core/errors.js';
import { noise as seeded } from '../test/fixtures/pictures.js';
import { draw, scene } from '../test/fixtures/scenes.js';

/** What is drawn on every good image: discs and polygons at 400x300. */
export const SCENE = scene(1);
export const PICTURE = await draw(SCENE);
const { width, height } = SCENE;

/** Another file with the same picture: what follows the end of a PNG is no part of it. */
export function variant(i: number | string): Buffer {
  return Buffer.concat([PICTURE, Buffer.from(`#${i}`)]);
}

/** The id of an image with the model that is inside. */
export function idOf(image: Uint8Array): string {
  return `mobile_sam:${createHash('sha256').update(image).digest('hex')}`;
}

/** The picture in every way a file can hold it. */
export async function goodImages(): Promise<[name: string, file: Buffer][]> {
  const picture = () => sharp(PICTURE);
  const images: [string, Sharp][] = [
    ['JPEG', picture().jpeg({ quality: 95 })],
    ['progressive JPEG', picture().jpeg({ quality: 95, progressive: true })],
    ['CMYK', picture().toColourspace('cmyk').jpeg({ quality: 95 })],
    ['16-bit', picture().toColourspace('rgb16').png()],
    ['grey', picture().toColourspace('b-w').png()],
    ['grey with alpha', picture().toColourspace('b-w').ensureAlpha(1).png()],
    ['palette', picture().png({ palette: true, colours: 64 })],
    ['ICC profile', picture().withIccProfile('p3').png()],
    ['WebP', picture().webp({ quality: 95 })],
    ['AVIF', picture().avif({ quality: 80, effort: 0 })],
  ];
  const files: [string, Buffer][] = [['PNG', PICTURE]];
  for (const [name, image] of images) files.push([name, await image.toBuffer()]);
  for (let orientation = 1; orientation <= 8; orientation++) {
    files.push([`EXIF ${orientation}`, await turned(orientation)]);
  }
  files.push(['trailing bytes', variant('trailing')]);
  files.push(['animated', await animation()]);
  return files;
}

/** Stored turned or mirrored, with the EXIF orientation that undoes it. */
async function turned(orientation: number): Promise<Buffer> {
  const quarter = orientation >= 5;
  const turn = { 3: 180, 4: 0, 5: 90, 6: 270, 7: 90, 8: 90 }[orientation] ?? 0;
  const rotated = await sharp(PICTURE).rotate(turn).png().toBuffer();
  const mirrored = { 2: 'flop', 4: 'flip', 5: 'flop', 7: 'flip' }[orientation];
  const stored = sharp(rotated);
  if (mirrored === 'flop') stored.flop();
  if (mirrored === 'flip') stored.flip();
  const raw = await stored.raw().toBuffer();
  const [w, h] = quarter ? [height, width] : [width, height];
  return sharp(raw, { raw: { width: w, height: h, channels: 3 } })
    .withMetadata({ orientation })
    .png()
    .toBuffer();
}

/** The picture, and then a frame of grey. */
async function animation(): Promise<Buffer> {
  const frame = await sharp(PICTURE).raw().toBuffer();
  const frames = Buffer.concat([frame, Buffer.alloc(frame.length, 128)]);
  const raw = { width, height: height * 2, channels: 3, pageHeight: height } as const;
  return sharp(frames, { raw }).webp({ lossless: true }).toBuffer();
}

/** A PNG of one chunk each: header, data, end. */
export function png(width: number, height: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunks = [chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks]);
}

/** A chunk of a PNG, framed. */
export function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), framed.length - 4);
  return framed;
}

/** The checksum of PNG. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A JPEG whose frame header has been changed. */
async function jpegWith(change: (frame: Buffer) => void): Promise<Buffer> {
  const file = await sharp(PICTURE).jpeg().toBuffer();
  change(file.subarray(file.indexOf(Buffer.from([0xff, 0xc0]))));
  return file;
}

/** A picture of one colour: few bytes, many pixels. */
export function bomb(width: number, height: number): Promise<Buffer> {
  const create = { width, height, channels: 3, background: { r: 9, g: 9, b: 9 } } as const;
  return sharp({ create, limitInputPixels: false }).png({ compressionLevel: 9 }).toBuffer();
}

/** Images that are none, and the problem each should get; a million pixels and 32768 a side are allowed. */
export async function badImages(): Promise<[name: string, code: ErrorCode, file: Buffer][]> {
  const jpeg = await sharp(PICTURE).jpeg().toBuffer();
  const badCrc = Buffer.from(PICTURE);
  const data = badCrc.indexOf('IDAT') + 4 + badCrc.readUInt32BE(badCrc.indexOf('IDAT') - 4);
  badCrc.writeUInt32BE(~badCrc.readUInt32BE(data) >>> 0, data);
  const heic = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1');
  const svg =
    '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' +
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&x;</text></svg>';
  const size = (width: number, height: number) => (frame: Buffer) => {
    frame.writeUInt16BE(height, 5);
    frame.writeUInt16BE(width, 7);
  };
  return [
    ['SVG with an external entity', 'unsupported-media-type', Buffer.from(svg)],
    ['PDF', 'unsupported-media-type', Buffer.from('%PDF-1.7\n1 0 obj\n<<>>\nendobj\n')],
    ['BMP', 'unsupported-media-type', Buffer.from('BM\x46\0\0\0\0\0\0\0\x36\0\0\0', 'latin1')],
    ['HEIC', 'unsupported-media-type', heic],
    ['GIF', 'unsupported-media-type', Buffer.from('GIF89a\x01\0\x01\0', 'latin1')],
    ['JPEG cut off', 'image-unreadable', jpeg.subarray(0, jpeg.length / 2)],
    ['PNG cut off', 'image-unreadable', PICTURE.subarray(0, PICTURE.length / 2)],
    ['PNG with a bad CRC', 'image-unreadable', badCrc],
    ['JPEG of false size', 'image-unreadable', await jpegWith(size(400, 900))],
    ['JPEG of 65535x65535', 'image-too-large', await jpegWith(size(65_535, 65_535))],
    [
      'JPEG of five channels',
      'image-unreadable',
      await jpegWith((frame) => frame.writeUInt8(5, 9)),
    ],
    ['JPEG of 0x0', 'image-unreadable', await jpegWith(size(0, 0))],
    [
      'garbage behind JPEG magic',
      'image-unreadable',
      Buffer.concat([jpeg.subarray(0, 3), noise()]),
    ],
    [
      'garbage behind PNG magic',
      'image-unreadable',
      Buffer.concat([PICTURE.subarray(0, 8), noise()]),
    ],
    [
      'garbage behind WebP magic',
      'image-unreadable',
      Buffer.concat([Buffer.from('RIFF\0\0\x01\0WEBP'), noise()]),
    ],
    [
      'garbage behind AVIF magic',
      'image-unreadable',
      Buffer.concat([Buffer.from('\0\0\0\x10ftypavif\0\0\0\0', 'latin1'), noise()]),
    ],
    ['PNG of 0x0', 'image-unreadable', png(0, 0)],
    ['PNG without data', 'image-unreadable', png(10, 10)],
    ['PNG bomb', 'image-too-large', await bomb(6000, 6000)],
    ['PNG of many pixels, cut off', 'image-too-large', (await bomb(1600, 1200)).subarray(0, -999)],
    ['1x100000', 'image-too-large', await bomb(1, 100_000)],
  ];
}

function noise(): Buffer {
  const random = seeded(1);
  return Buffer.from(Array.from({ length: 2000 }, () => 256 * random()));
}
