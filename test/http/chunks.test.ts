import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import t from 'tap';
import { gatherChunks } from '#src/http/bodies/reading/chunks.js';
import { idOf, PICTURE } from '../../attack/images.js';
import { drip, fileForm } from '../../attack/siege/drops.js';
import { field } from '../../attack/siege/fields.js';
import { chunked, head, LAST_CHUNK, Wire } from '../../attack/wire.js';
import { MULTIPART, multipart } from '../fixtures/multipart.js';
import { noise } from '../fixtures/pictures.js';
import { sharedService } from '../fixtures/service.js';

const JSON_TYPE = 'application/json';

function targetOf(url: string) {
  return { port: Number(new URL(url).port), id: idOf(PICTURE), from: '127.0.4.1' };
}

t.test('a body in chunks of one byte is refused, whoever reads it', async (t) => {
  const { url } = await sharedService(t);
  const target = targetOf(url);
  const size = 20_000;
  for (const [path, type, body] of [
    ['/embed', 'image/png', Buffer.alloc(size, 1)],
    ['/embed', JSON_TYPE, Buffer.alloc(size, 0x20)],
    ['/decode', JSON_TYPE, Buffer.alloc(size, 0x20)],
    ['/segment', MULTIPART, fileForm(size)],
    ['/segment', MULTIPART, multipart(field('prompts', '1'.repeat(size)))],
    ['/everything', MULTIPART, fileForm(size)],
  ] as const) {
    const { status, text } = await drip(target, path, type, body, false);
    t.equal(status, 400, `${path} as ${type}`);
    t.match(text, /the body comes in chunks of a few bytes: send larger ones/);
  }
});

t.test('a body in small chunks of any size arrives whole', async (t) => {
  const { url, post } = await sharedService(t);
  t.match(String((await post('/embed', PICTURE, { 'content-type': 'image/png' })).status), /^20/);
  const target = targetOf(url);
  const random = noise(5);
  const file = Buffer.concat([PICTURE, Buffer.alloc(150_000, 'behind its end')]);
  for (const largest of [40, 1500, 6000]) {
    const wire = await Wire.open(target);
    const answer = wire.answer();
    const fields = { 'content-type': 'image/png', 'transfer-encoding': 'chunked' };
    await wire.send(head('POST', '/embed', fields));
    for (let at = 0; at < file.length; ) {
      const size = Math.min(file.length - at, 1 + Math.floor(largest * random()));
      await wire.send(chunked(file.subarray(at, at + size), size));
      at += size;
    }
    await wire.send(LAST_CHUNK);
    const { status, text } = await answer;
    t.match(String(status), /^20/);
    t.ok(text.includes(idOf(file)), `of up to ${largest} bytes`);
  }
  const click = { embedding_id: idOf(PICTURE), point_coords: [[20, 20]], point_labels: [1] };
  const small = JSON.stringify(click);
  const { status } = await drip(target, '/decode', JSON_TYPE, Buffer.from(small), false);
  t.equal(status, 200, 'a click in chunks of one byte');
});

t.test('who comes to read a body that was refused hears why, and the process lives', async (t) => {
  const request = new IncomingMessage(new Socket());
  gatherChunks(request);
  for (let i = 0; i < 5000; i++) request.push(Buffer.from([0x20]));
  const heard: string[] = [];
  const readers = ['a', 'b'].map((name) => () => {
    heard.push(name);
    request.removeAllListeners('error');
  });
  // Both come at once, and leave with the first error: the second is for nobody.
  for (const reader of readers) request.on('error', reader);
  await new Promise(setImmediate);
  t.same(heard, ['a', 'b']);
});
