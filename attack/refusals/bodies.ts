import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { PICTURE } from '../images.js';
import { MOST_BYTES } from './limits.js';
import type { Refusal } from './refusal.js';
import { form, type Sender } from './sender.js';

const MIB = 2 ** 20;
const BAD = 'invalid-request';
const MALFORMED = 'malformed-request';
const TYPE = 'unsupported-media-type';
const LARGE = 'payload-too-large';

/** Bodies of bytes: none, too many, of another type, or packed wrongly. */
export function bytes(sender: Sender): Refusal[] {
  const image = (body: Uint8Array | string, headers = {}) =>
    sender.post('/embed', body, 'image/png', headers);
  const packed = gzipSync(PICTURE);
  const gzip = (body: Uint8Array) => image(body, { 'content-encoding': 'gzip' });
  return [
    ['no body', 400, BAD, () => sender.send('POST', '/embed')],
    ['an empty image', 400, BAD, () => image('')],
    ['no type', 415, TYPE, () => sender.post('/embed', Buffer.from('x'))],
    ['text', 415, TYPE, () => sender.post('/embed', 'hello', 'text/plain')],
    ['text for /segment', 415, TYPE, () => sender.post('/segment', 'a', 'text/plain')],
    ['/segment without a body', 415, TYPE, () => sender.send('POST', '/segment')],
    ['a form for /decode', 415, TYPE, () => sender.post('/decode', form([['image', PICTURE]]))],
    ['too many bytes by Content-Length', 413, LARGE, () => image(new Uint8Array(MOST_BYTES + 1))],
    ['too many bytes by chunks', 413, LARGE, () => chunks(`${sender.url}/embed`, 2 * MOST_BYTES)],
    ['gzip that is none', 400, MALFORMED, () => gzip(PICTURE)],
    ['gzip cut off', 400, MALFORMED, () => gzip(packed.subarray(0, -9))],
    ['gzip of too much', 413, LARGE, () => gzip(gzipSync(Buffer.alloc(16 * MIB)))],
    ['another encoding', 415, TYPE, () => image(PICTURE, { 'content-encoding': 'zstd' })],
  ];
}

/** JSON that is none, that hides something, or whose image is none. */
export function json(sender: Sender): Refusal[] {
  const { id } = sender;
  const decode = (text: string) => sender.json('/decode', `{"embedding_id":"${id}",${text}}`);
  const embed = (value: object) => sender.post('/embed', value);
  const deep = '['.repeat(10_000) + ']'.repeat(10_000);
  const box = [9, 9, 99, 99];
  return [
    ['empty JSON', 400, MALFORMED, () => sender.json('/decode', '')],
    ['empty JSON for an image', 400, MALFORMED, () => sender.json('/embed', '')],
    ['JSON cut off', 400, MALFORMED, () => sender.json('/decode', '{"embedding_id":')],
    ['JSON too deep', 400, MALFORMED, () => sender.json('/decode', `{"embedding_id":${deep}}`)],
    ['NaN', 400, MALFORMED, () => decode('"box":[NaN,0,9,9]')],
    ['1e999 in a box', 400, BAD, () => decode('"box":[0,0,9,1e999]')],
    ['1e999 in a point', 400, BAD, () => decode('"point_coords":[[1,1e999]],"point_labels":[1]')],
    ['__proto__', 400, MALFORMED, () => decode('"box":[0,0,9,9],"__proto__":{"a":1}')],
    ['constructor.prototype', 400, MALFORMED, () => decode('"constructor":{"prototype":{"a":1}}')],
    ['a million points', 413, LARGE, () => decode(`"point_coords":[${'[1,1],'.repeat(1e6)}[1,1]]`)],
    ['bad base64', 400, BAD, () => embed({ image: { base64: '%%%%' } })],
    [
      'bad base64 for /segment',
      400,
      BAD,
      () => sender.post('/segment', { image: { base64: '%%%' }, box }),
    ],
    [
      'too many bytes in base64',
      413,
      LARGE,
      () => embed({ image: { base64: 'A'.repeat(1.4 * MOST_BYTES) } }),
    ],
    [
      'url and bytes together',
      400,
      BAD,
      () => embed({ image: { base64: 'AAAA', url: 'https://a.example' } }),
    ],
    ['neither url nor bytes', 400, BAD, () => embed({ image: {} })],
    [
      'an unknown field beside the image',
      400,
      BAD,
      () => embed({ image: { base64: 'AAAA' }, x: 1 }),
    ],
    ['no image for /segment', 400, BAD, () => sender.post('/segment', { box: [0, 0, 9, 9] })],
    [
      'a source that is not allowed',
      422,
      'source-not-allowed',
      () => embed({ image: { url: 'https://example.com/a.jpg' } }),
    ],
  ];
}

/** Random bytes whose number is not said beforehand. */
function chunks(url: string, size: number): Promise<Response> {
  async function* pieces() {
    for (let sent = 0; sent < size; sent += 65_536) yield randomBytes(65_536);
  }
  const body = ReadableStream.from(pieces());
  const headers = { 'content-type': 'image/png' };
  return fetch(url, { method: 'POST', body, headers, duplex: 'half' } as RequestInit);
}
