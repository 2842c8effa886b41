import { createHash } from 'node:crypto';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import t from 'tap';
import { rawConnection } from '../fixtures/raw-http.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, sharedService, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const sha256 = createHash('sha256').update(picture).digest('hex');
const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
const brotli = (body: string | Buffer) => brotliCompressSync(body, QUICK);
const PACKED = { gzip: gzipSync, 'X-GZIP': gzipSync, br: brotli };
const JSON_TYPE = { 'content-type': 'application/json' };

/** A form as bytes, and the type that goes with them. */
async function formBytes(fields: Record<string, unknown> = {}) {
  const response = new Response(form(picture, fields));
  const type = response.headers.get('content-type') as string;
  return { bytes: Buffer.from(await response.arrayBuffer()), headers: { 'content-type': type } };
}

t.test('bodies of every kind may come packed', async (t) => {
  const { post } = await sharedService(t);
  const embedding_id = `mobile_sam:${sha256}`;
  const prompt = { embedding_id, point_coords: [[50, 50]], point_labels: [1] };
  const base64 = JSON.stringify({ image: { base64: picture.toString('base64') } });
  const fields = { point_coords: [[50, 50]], point_labels: [1] };
  const { bytes, headers } = await formBytes();
  const segment = await formBytes(fields);
  for (const [name, pack] of Object.entries(PACKED)) {
    const send = (path: string, body: string | Buffer, type: Record<string, string>) =>
      post(path, pack(body), { ...type, 'content-encoding': name });
    for (const [what, answer] of [
      ['an image', await send('/embed', picture, { 'content-type': 'image/png' })],
      ['bytes', await send('/embed', picture, { 'content-type': 'application/octet-stream' })],
      ['base64', await send('/embed', base64, JSON_TYPE)],
      ['a form', await send('/embed', bytes, headers)],
    ] as const) {
      t.ok(answer.ok, `${what} as ${name}: ${answer.status}`);
      t.match(await answer.json(), { embedding_id });
    }
    t.equal((await send('/decode', JSON.stringify(prompt), JSON_TYPE)).status, 200);
    t.equal((await send('/segment', segment.bytes, segment.headers)).status, 200);
    const everything = { embedding_id, points_per_side: 2 };
    const objects = await send('/everything', JSON.stringify(everything), JSON_TYPE);
    t.equal(objects.status, 200, await objects.text());
  }
  const plain = { 'content-type': 'image/png', 'content-encoding': 'identity' };
  t.equal((await post('/embed', picture, plain)).status, 200);
});

t.test('what cannot be unpacked is told so', async (t) => {
  const { post } = await sharedService(t);
  const headers = { 'content-type': 'image/png' };
  for (const name of ['deflate', 'zstd', 'gzip, br', 'nonsense']) {
    const answer = await post('/embed', deflateSync(picture), {
      ...headers,
      'content-encoding': name,
    });
    t.equal(answer.headers.get('accept-encoding'), 'gzip, br');
    const { detail } = await problem(t, answer, 415, 'unsupported-media-type');
    t.match(detail, /send the body as it is, or as one of gzip, br$/);
  }
  const { bytes, headers: formHeaders } = await formBytes();
  for (const [name, pack] of Object.entries(PACKED)) {
    const packed = pack(picture);
    const wrong = {
      'not packed': picture,
      'cut off': packed.subarray(0, -9),
      'less than a header': packed.subarray(0, 3),
      'garbage behind': Buffer.concat([packed, Buffer.from('garbage')]),
      'zeros behind': Buffer.concat([packed, Buffer.alloc(99)]),
    };
    for (const [what, body] of Object.entries(wrong)) {
      const answer = await post('/embed', body, { ...headers, 'content-encoding': name });
      const { detail } = await problem(t, answer, 400, 'malformed-request');
      t.match(
        detail,
        /^the body (is no|goes on after the end of its) (gzip|br)/,
        `${name}: ${what}`,
      );
    }
    const cut = pack(bytes).subarray(0, -9);
    const answer = await post('/embed', cut, { ...formHeaders, 'content-encoding': name });
    await problem(t, answer, 400, 'malformed-request');
  }
  const empty = await post('/embed', Buffer.alloc(0), { ...headers, 'content-encoding': 'gzip' });
  await problem(t, empty, 400, 'invalid-request');
});

t.test('limits are those of what comes out', async (t) => {
  const { post } = await startService(t, { SAM_MAX_IMAGE_BYTES: '1M' });
  const many = Buffer.alloc(100 * 2 ** 20, ' ');
  for (const [name, pack] of [
    ['gzip', gzipSync],
    ['br', brotli],
  ] as const) {
    const encoding = { 'content-encoding': name };
    const bomb = pack(many);
    t.ok(bomb.length < 2 ** 20);
    for (const [path, type] of [
      ['/embed', 'image/png'],
      ['/embed', 'application/json'],
      ['/decode', 'application/json'],
      ['/everything', 'application/json'],
    ] as const) {
      const answer = await post(path, bomb, { 'content-type': type, ...encoding });
      await problem(t, answer, 413, 'payload-too-large');
    }
    const { bytes, headers } = await formBytes();
    const image = bytes.indexOf(picture);
    const large = Buffer.concat([bytes.subarray(0, image), many, bytes.subarray(image)]);
    const answer = await post('/segment', pack(large), { ...headers, ...encoding });
    await problem(t, answer, 413, 'payload-too-large');
  }
});

t.test('a body that unpacks to nothing, and one in chunks of a byte, end', async (t) => {
  const { post, url } = await sharedService(t);
  const nothing = gzipSync(Buffer.alloc(0));
  const body = Buffer.concat(Array<Buffer>(200_000).fill(nothing));
  const headers = { 'content-type': 'image/png', 'content-encoding': 'gzip' };
  const answer = await post('/embed', body, headers);
  t.match(await problem(t, answer, 400, 'malformed-request'), { detail: /less than itself$/ });

  const { socket, until } = await rawConnection(url);
  socket.write(
    'POST /embed HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-encoding: gzip\r\n' +
      'transfer-encoding: chunked\r\n\r\n',
  );
  for (const byte of gzipSync(picture, { level: 0 })) {
    socket.write(Buffer.from([0x31, 13, 10, byte, 13, 10]));
  }
  t.match(await until((text) => text.includes('requestId')), /chunks of a few bytes/);
  socket.destroy();
});

t.test('who leaves in the middle, or stalls, holds nothing', async (t) => {
  const { url } = await sharedService(t);
  for (const [encoding, packed] of [
    ['gzip', gzipSync(picture)],
    ['br', brotli(picture)],
  ] as const) {
    const { socket } = await rawConnection(url);
    socket.write(
      `POST /embed HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-encoding: ${encoding}\r\n` +
        `content-length: ${packed.length}\r\n\r\n`,
    );
    socket.write(packed.subarray(0, -20));
    const held = async () =>
      (await (await fetch(`${url}/metrics`)).text()).match(/kind="body"} (\d+)/);
    while (Number((await held())?.[1]) === 0) {}
    socket.destroy();
  }
});
