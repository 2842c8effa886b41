import { createHash } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import sharp from 'sharp';
import t from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));
/** Another file each time: what follows the end of a PNG is not part of the picture. */
const variant = (i: number) => Buffer.concat([picture, Buffer.from(`#${i}`)]);

// Three embeddings of float16 are 6 MiB, and something more.
const { post, url } = await startService(t, { SAM_ENCODE_QUEUE: '1', SAM_CACHE_BYTES: '7M' });

t.test('three ways to send an image give one embedding', async (t) => {
  const sha256 = createHash('sha256').update(picture).digest('hex');
  const first = await post('/embed', picture, { 'content-type': 'image/png' });
  t.equal(first.status, 201);
  t.equal(first.headers.get('location'), `/embeddings/mobile_sam:${sha256}`);
  const body = (await first.json()) as Record<string, unknown>;
  t.match(body, {
    embedding_id: `mobile_sam:${sha256}`,
    model: 'mobile_sam',
    width: 400,
    height: 300,
    cached: false,
    flight: 'computed',
    timings: { decode_ms: Number, preprocess_ms: Number, encode_ms: Number, total_ms: Number },
  });
  const base64 = picture.toString('base64');
  for (const again of [
    () => post('/embed', picture, { 'content-type': 'application/octet-stream' }),
    () => post('/embed', form(picture)),
    () => post('/embed', { image: { base64 } }),
    () => post('/embed', { image: { base64: `data:image/png;base64,${base64}` } }),
  ]) {
    const response = await again();
    t.equal(response.status, 200);
    t.match(await response.json(), {
      embedding_id: `mobile_sam:${sha256}`,
      cached: true,
      flight: 'cached',
    });
  }
  t.equal((await fetch(`${url}/embeddings/mobile_sam:${sha256}`, { method: 'HEAD' })).status, 200);
});

t.test('a hundred uploads of one image run the encoder once', async (t) => {
  const file = variant(0);
  const uploads = Array.from({ length: 100 }, () => post('/embed', form(file)));
  const responses = await Promise.all(uploads);
  const bodies = (await Promise.all(responses.map((response) => response.json()))) as {
    flight: string;
  }[];
  t.equal(bodies.filter(({ flight }) => flight === 'computed').length, 1);
  t.same(new Set(responses.map(({ status }) => status)), new Set([200, 201]));
});

t.test('who goes away does not cancel what others wait for', async (t) => {
  const file = variant(1);
  const leaving = new AbortController();
  const first = fetch(`${url}/embed`, {
    method: 'POST',
    body: form(file),
    signal: leaving.signal,
  });
  const second = post('/embed', form(file));
  // Both are under way once a third, which came after them, has been answered.
  await post('/decode', {});
  leaving.abort();
  await t.rejects(first, { name: 'AbortError' });
  t.match(await (await second).json(), { width: 400, cached: false });
});

t.test('a full queue says when to come back, and clicks go on', async (t) => {
  const { embedding_id } = (await (await post('/embed', form(picture))).json()) as Record<
    string,
    string
  >;
  const responses = Promise.all(
    Array.from({ length: 6 }, (_, i) => post('/embed', form(variant(10 + i)))),
  );
  const click = await post('/decode', { embedding_id, box: [40, 40, 140, 140] });
  t.equal(click.status, 200);
  const refused = (await responses).filter(({ status }) => status === 503);
  t.equal(
    (await responses).filter(({ status }) => status === 201).length,
    2,
    'one runs, one waits',
  );
  t.equal(refused.length, 4);
  for (const response of refused) {
    t.ok(Number(response.headers.get('retry-after')) >= 1);
    await problem(t, response, 503, 'overloaded');
  }
  t.equal((await post('/embed', form(variant(20)))).status, 201, 'and then there is room again');
});

t.test('the loop turns while the encoder runs', async (t) => {
  let encoding = true;
  const embedded = post('/embed', form(variant(30))).finally(() => {
    encoding = false;
  });
  let answered = 0;
  while (encoding) {
    t.equal((await fetch(`${url}/healthz`)).status, 200);
    answered++;
    await after(5);
  }
  t.equal((await embedded).status, 201);
  t.ok(answered > 10, `${answered} answers while one image was encoded`);
});

t.test('the cache holds as many bytes as it may', async (t) => {
  const held = async (file: Buffer) => {
    const sha256 = createHash('sha256').update(file).digest('hex');
    return (await fetch(`${url}/embeddings/mobile_sam:${sha256}`)).status;
  };
  t.equal(await held(picture), 404, 'what was not used for longest had to go');
  t.equal(await held(variant(20)), 200);
  t.equal(await held(variant(30)), 200);
});

t.test('an image of 16 bits that is dark is embedded with a warning', async (t) => {
  const raw = { width: 40, height: 30, channels: 3 } as const;
  const pixels = Uint16Array.from({ length: 40 * 30 * 3 }, (_, i) => i);
  const faint = await sharp(pixels, { raw }).toColourspace('rgb16').png().toBuffer();
  const answer = await (await post('/embed', form(faint))).json();
  t.match(answer, { flight: 'computed', warnings: [/16 bits/] });
  const again = (await (await post('/embed', form(faint))).json()) as object;
  t.notOk('warnings' in again);
  const plain = (await (await post('/embed', form(await draw(scene(2))))).json()) as object;
  t.notOk('warnings' in plain);
});
