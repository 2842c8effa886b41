import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { chunk, png } from './images.js';

/** Files that are small, and valid as far as a header says, but whose structure is long. */

/** A PNG of 64x64 with text that is `megabytes` long when it is inflated, in chunks of 8 MB each. */
export function textBomb(megabytes: number, width = 64, height = 64): Buffer {
  const text = deflateSync(Buffer.alloc(8e6, 'A'), { level: 9 });
  const keyword = Buffer.from('Comment\0\0', 'latin1');
  const texts = Array.from({ length: Math.ceil(megabytes / 8) }, () =>
    chunk('zTXt', Buffer.concat([keyword, text])),
  );
  return withChunks(picture(width, height), texts);
}

/** A PNG with chunks between its header and its data. */
export function withChunks(file: Buffer, chunks: readonly Buffer[]): Buffer {
  const afterHeader = 8 + 25;
  return Buffer.concat([file.subarray(0, afterHeader), ...chunks, file.subarray(afterHeader)]);
}

/** A black PNG. */
function picture(width: number, height: number): Buffer {
  return png(width, height, deflateSync(Buffer.alloc((3 * width + 1) * height)));
}

/** A PNG of `count` chunks that hold nothing and mean nothing. */
export function emptyChunks(count: number): Buffer {
  const empty = chunk('teSt', Buffer.alloc(0));
  return withChunks(picture(64, 64), [Buffer.concat(Array(count).fill(empty))]);
}

/** A segment of a JPEG. */
export function segment(marker: number, ...data: readonly number[]): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(data.length + 2, 2);
  return Buffer.concat([head, Buffer.from(data)]);
}

/** Bits, most significant first, filled up with ones; 0xff is stuffed. */
function packed(bits: string): Buffer {
  const bytes: number[] = [];
  for (let at = 0; at < bits.length; at += 8) {
    const byte = Number.parseInt(bits.slice(at, at + 8).padEnd(8, '1'), 2);
    bytes.push(byte);
    if (byte === 0xff) bytes.push(0);
  }
  return Buffer.from(bytes);
}

/** A grey progressive JPEG that goes over all its pixels `scans` times, each time to say that there is nothing. */
export function scanBomb(scans: number, side: number): Buffer {
  const [high, low] = [side >> 8, side & 255];
  const blocks = Math.ceil(side / 8) ** 2;
  const start = Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, 0, ...Array(64).fill(1)),
    segment(0xc2, 8, high, low, high, low, 1, 1, 0x11, 0),
    // One code of one bit for direct current: no difference.
    segment(0xc4, 0x00, 1, ...Array(15).fill(0), 0),
    // Fifteen codes of four bits for the rest: runs of 2^n blocks without anything.
    segment(
      0xc4,
      0x10,
      0,
      0,
      0,
      15,
      ...Array(12).fill(0),
      ...Array.from({ length: 15 }, (_, n) => n << 4),
    ),
  ]);
  const direct = Buffer.concat([segment(0xda, 1, 1, 0x00, 0, 0, 0), packed('0'.repeat(blocks))]);
  const most = 2 ** 15 - 1;
  let bits = '';
  for (let left = blocks; left > 0; ) {
    const run = Math.min(left, most);
    const power = Math.floor(Math.log2(run));
    const rest = power === 0 ? '' : (run - 2 ** power).toString(2).padStart(power, '0');
    bits += power.toString(2).padStart(4, '0') + rest;
    left -= run;
  }
  const scan = Buffer.concat([segment(0xda, 1, 1, 0x00, 1, 63, 0), packed(bits)]);
  return Buffer.concat([start, direct, ...Array(scans).fill(scan), Buffer.from([0xff, 0xd9])]);
}

/** A JPEG with `count` comments in front of its frame. */
export async function commentBomb(count: number): Promise<Buffer> {
  const create = { width: 64, height: 64, channels: 3, background: 'grey' } as const;
  const file = await sharp({ create }).jpeg().toBuffer();
  const comments = Buffer.concat(Array(count).fill(segment(0xfe)));
  return Buffer.concat([file.subarray(0, 2), comments, file.subarray(2)]);
}

/** A chunk of a WebP, padded to an even length. */
export function riff(type: string, data: Buffer): Buffer {
  const framed = Buffer.alloc(8 + data.length + (data.length % 2));
  framed.write(type, 0, 'latin1');
  framed.writeUInt32LE(data.length, 4);
  data.copy(framed, 8);
  return framed;
}

/** An animated WebP of `frames` frames of one pixel. */
export async function frameBomb(frames: number): Promise<Buffer> {
  const create = { width: 1, height: 1, channels: 3, background: 'grey' } as const;
  const still = await sharp({ create }).webp({ lossless: true }).toBuffer();
  const head = Buffer.alloc(16);
  head.writeUIntLE(100, 12, 3);
  const frame = riff('ANMF', Buffer.concat([head, still.subarray(12)]));
  const canvas = Buffer.alloc(10);
  canvas[0] = 2;
  const chunks = [riff('VP8X', canvas), riff('ANIM', Buffer.alloc(6))];
  const body = Buffer.concat([Buffer.from('WEBP'), ...chunks, ...Array(frames).fill(frame)]);
  return riff('RIFF', body);
}
