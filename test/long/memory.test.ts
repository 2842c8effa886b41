import t from 'tap';
import { booked } from '../../attack/gauges.js';
import { PICTURE, variant } from '../../attack/images.js';
import { drip, fileForm } from '../../attack/siege/drops.js';
import { field, sendForm } from '../../attack/siege/fields.js';
import { refine, upload } from '../../attack/siege/files.js';
import { stall } from '../../attack/siege/stalls.js';
import { typos } from '../../attack/siege/typos.js';
import { emptyChunks, textBomb } from '../../attack/structures.js';
import { chunked, exchange, head, post, Wire } from '../../attack/wire.js';
import { allZero, attacked, growthDuring } from '../attack/fixtures/attacked.js';
import { MULTIPART, multipart } from '../fixtures/multipart.js';

const MIB = 2 ** 20;
const JSON_TYPE = 'application/json';

t.test('every byte a client sends has an owner', async (t) => {
  const service = await attacked(t, { SAM_MAX_IMAGE_BYTES: '1M', SAM_MAX_UPLOAD_BYTES: '6M' });
  const { victim, honest, target } = service;

  await t.test('of a request that is wrong before its body', async (t) => {
    const once = await typos.prepare(1 / 64);
    for (let i = 0; i < 12; i++) t.match(String(await once(target)), /^4/);
    const { status } = await honest.embed(variant('after typos'));
    t.ok(status < 300, `the next upload is taken, not ${status}`);
    await allZero(t, service);
  });

  await t.test('in chunks of one byte', async (t) => {
    const size = 150_000;
    const bodies = [
      ['/embed', 'image/png', Buffer.alloc(size, 1)],
      ['/embed', JSON_TYPE, Buffer.alloc(size, 0x20)],
      ['/decode', JSON_TYPE, Buffer.alloc(size, 0x20)],
      ['/segment', MULTIPART, fileForm(size)],
      ['/segment', MULTIPART, multipart(field('prompts', '1'.repeat(size)))],
    ] as const;
    // All at once: each ends when all are whole.
    const grown = await growthDuring(service, () =>
      Promise.all(bodies.map(([path, type, body]) => drip(target, path, type, body, false))),
    );
    t.ok(grown < 100, `${grown} MiB for ${bodies.length} x ${size} bytes`);
    await allZero(t, service);
  });

  await t.test('in fields of forms, as JSON before its structure is known', async (t) => {
    const many = `[${'{},'.repeat(300_000)}{}]`;
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    const send = async (path: string, name: string, value: string, type?: string) => {
      const { text, status } = await sendForm(target, path, multipart(field(name, value, type)));
      return { status, problem: /problems\/([a-z-]+)/.exec(text)?.[1] };
    };
    for (const path of ['/segment', '/everything', '/embed']) {
      for (const type of [undefined, JSON_TYPE, 'APPLICATION/JSON; charset=utf-8']) {
        const large = { status: 413, problem: 'payload-too-large' };
        const grown = await growthDuring(service, async () => {
          t.match(await send(path, 'box', many, type), large, `${path} ${type}`);
        });
        t.ok(grown < 100, `${grown} MiB for ${many.length} bytes as ${type} to ${path}`);
      }
      const nested = { status: 400, problem: 'malformed-request' };
      t.match(await send(path, 'box', deep, JSON_TYPE), nested);
    }
    t.match(await send('/segment', 'image', '{}', JSON_TYPE), { status: 400 });
    const forms = Array.from({ length: 100 }, () =>
      sendForm(target, '/segment', multipart(...Array(31).fill(field('f', '0', JSON_TYPE)))),
    );
    for (const { status } of await Promise.all(forms)) t.match(String(status), /^(4|503)/);
    await allZero(t, service);
  });

  await t.test('in bodies that have stalled, which give way to others', async (t) => {
    // Less than an honest image stays free.
    const image = Buffer.alloc(2 ** 17, 1);
    const text = Buffer.alloc(2 * MIB, 0x20);
    const before = (await booked(victim)) ?? 0;
    const json = [await stall(target, '/decode', JSON_TYPE, text)];
    json.push(await stall(target, '/decode', JSON_TYPE, text));
    let held = before;
    for (let tries = 0; held < before + 4 * MIB && tries < 50; tries++) {
      held = (await booked(victim)) ?? 0;
    }
    t.ok(held >= before + 4 * MIB, `what /decode receives is booked: ${held - before} bytes`);
    for (const wire of json) wire.close();

    const wires = await Promise.all(
      Array.from({ length: 64 }, (_, i) =>
        stall({ ...target, from: `127.0.0.${2 + (i % 8)}` }, '/embed', 'image/png', image),
      ),
    );
    // An honest client tries again when it is told to.
    let status = 503;
    for (let tries = 0; status === 503 && tries < 4; tries++) {
      const reply = await honest.embed(variant('beside stalled ones'));
      status = reply.status;
      const seconds = Number(reply.headers['retry-after'] ?? 0);
      if (status === 503) await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    }
    t.ok(status < 300, `an honest upload is taken, not ${status}`);
    for (const wire of wires) wire.close();
    await allZero(t, service);
  });

  await t.test('in chunks of image files that are not needed', async (t) => {
    const [texts, mask] = [textBomb(240), textBomb(240, 400, 300)];
    let status = 0;
    let grown = await growthDuring(service, async () => {
      ({ status } = await refine(target, mask));
    });
    t.match(String(status), /^(200|4)/);
    t.ok(grown < 150, `${grown} MiB for ${mask.length} bytes of a mask`);
    grown = await growthDuring(service, async () => {
      ({ status } = await upload(target, texts));
    });
    t.match(String(status), /^(201|4)/);
    t.ok(grown < 150, `${grown} MiB for ${texts.length} bytes of an image`);
    ({ status } = await upload(target, emptyChunks(80_000)));
    t.match(String(status), /^(201|4)/);
    await allZero(t, service);
  });

  await t.test('in run lengths', async (t) => {
    const send = (counts: unknown, size = [300, 400]) =>
      post(target, '/decode', { embedding_id: target.id, mask_input: { size, counts } });
    // A million runs of nothing; one run of more than any number can be; more runs than pixels.
    const bombs = ['0'.repeat(1e6), 'o'.repeat(400), `${'o'.repeat(1e6)}0`];
    const grown = await growthDuring(service, async () => {
      for (const bomb of bombs) t.match(String((await send(bomb)).status), /^4/);
    });
    t.ok(grown < 200, `${grown} MiB for 2 MB of run lengths`);
    for (const counts of [[2 ** 53 - 1, 1], Array(200_000).fill(0), [120_000, 1e300]]) {
      t.match(String((await send(counts)).status), /^4/);
    }
    await allZero(t, service);
  });

  await t.test('with methods that take no body', async (t) => {
    const body = Buffer.alloc(MIB, 1);
    const length = { 'content-length': body.length };
    const fields = { ...length, 'content-type': JSON_TYPE };
    const paths = [
      ...['GET /healthz', 'GET /metrics', 'HEAD /models', `HEAD /embeddings/${target.id}`],
      ...['DELETE /embeddings/mobile_sam:00', 'OPTIONS /embed', 'PUT /embed', 'GET /nowhere'],
    ];
    for (const each of paths) {
      const [method = '', path = ''] = each.split(' ');
      const { status } = await exchange(target, head(method, path, fields), body);
      t.ok(status >= 200 && status < 500, `${each}: ${status}`);
    }
    await allZero(t, service);
  });

  await t.test('in the parts of HTTP that are not the body', async (t) => {
    const start = head('POST', '/embed', {
      'content-type': 'image/png',
      'transfer-encoding': 'chunked',
    });
    const extension = `1;${'a'.repeat(60_000)}\r\nx\r\n`;
    const trailers = `0\r\n${'x-a: b\r\n'.repeat(20_000)}\r\n`;
    const image = chunked(PICTURE, 1000);
    const grown = await growthDuring(service, async () => {
      const { status } = await exchange(target, start, extension.repeat(20), '0\r\n\r\n');
      // What is still being sent may take the answer with it.
      t.match(String(status), /^[40]/, 'chunk extensions');
      t.match(String((await exchange(target, start, image, trailers)).status), /^4/, 'trailers');
    });
    t.ok(grown < 60, `${grown} MiB`);

    // Sent after being asked for or not; and asked for, and never sent.
    const expect = { expect: '100-continue', 'content-type': 'image/png', 'content-length': MIB };
    const whole = Buffer.alloc(MIB, 1);
    const refused = await exchange(target, head('POST', '/embed?modle=x', expect), whole);
    t.equal(refused.status, 400);
    for (let i = 0; i < 12; i++) {
      const wire = await Wire.open(target);
      await wire.send(head('POST', '/embed', expect));
      wire.close();
    }
    await allZero(t, service);
  });
});
