import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Progress, SamClient, SamProblem } from 'sam-split-client';
import t, { type Test } from 'tap';
import { draw, scene } from '../../fixtures/scenes.js';
import { sharedService } from '../../fixtures/service.js';

const picture = await draw(scene(1));

/** How often the service has been asked for that, whatever it said. */
async function counted(url: string, method: string, route: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const lines = metrics.matchAll(/^sam_requests_total\{method="(\w+)",route="(.+?)",.*\} (\d+)$/gm);
  return [...lines]
    .filter(([, ...asked]) => asked[0] === method && asked[1] === route)
    .reduce((sum, [, , , count]) => sum + Number(count), 0);
}

/** A server that does nothing but answer. */
async function startServer(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const caught = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

t.test('against the service', async (t) => {
  const { url } = await sharedService(t);
  const client = new SamClient({ url });

  await t.test('an image that the service knows is not sent again', async (t) => {
    const told: Progress[] = [];
    const onProgress = (progress: Progress) => told.push(progress);
    const first = await client.embed(picture, { onProgress });
    const uploads = await counted(url, 'POST', '/embed');
    const again = await new SamClient({ url: `${url}/` }).embed(new Blob([picture]), {
      model: first.model,
      onProgress,
    });
    t.equal(await counted(url, 'POST', '/embed'), uploads);
    t.match(again, { ...first, uploaded: false, timings: {} });
    t.ok((await counted(url, 'HEAD', '/embeddings/:id')) >= 2);
    const ends = told.filter(({ done }) => done).map(({ stage }) => stage);
    const stages = first.uploaded ? ['hash', 'upload', 'ready'] : ['hash', 'ready'];
    t.strictSame(ends, [...stages, 'hash', 'ready']);
    t.ok(told.every(({ ms }) => ms >= 0));
  });

  await t.test('every route has its method', async (t) => {
    const [served] = await client.models();
    t.match(served, { name: 'mobile_sam', image_size: 1024 });
    const box: [number, number, number, number] = [40, 40, 140, 140];
    const segmented = await client.segment(picture, { box, format: 'polygon' });
    const { embedding_id } = segmented;
    const decoded = await client.decode({ embedding_id, box, format: 'polygon' });
    t.strictSame(decoded.results, segmented.results);
    const { width, height } = scene(1);
    t.match(await client.find(embedding_id), { embedding_id, width, height, uploaded: false });
  });

  await t.test('problems are thrown by their type', async (t) => {
    const embedding_id = `mobile_sam:${'0'.repeat(64)}`;
    for (const [call, type, status] of [
      [() => client.decode({ embedding_id, box: [1, 1, 9, 9] }), 'embedding-not-found', 404],
      [() => client.embed(new Blob(['no image'])), 'unsupported-media-type', 415],
      [() => client.embed(new URL('http://127.0.0.1/a.png')), 'source-not-allowed', 422],
      [() => client.drop(embedding_id), 'embedding-not-found', 404],
      [() => client.everything({ embedding_id }).next(), 'embedding-not-found', 404],
      [() => client.embed(picture, { model: 'none' }), 'invalid-request', 400],
    ] as const) {
      const problem: unknown = await caught(call());
      t.ok(problem instanceof SamProblem, type);
      t.match(problem, { name: 'SamProblem', type: `/problems/${type}`, status });
      t.match(problem, { message: /\w{3}/, requestId: /\w/ });
    }
  });

  await t.test('everything tells what it finds', async (t) => {
    const image = await client.embed(picture);
    const found = new Map<number, unknown>();
    let [points, of] = [0, 0];
    let kept: readonly number[] = [];
    for await (const event of client.everything(image, { points_per_side: 4 })) {
      if (event.type === 'mask') found.set(event.id, event);
      if (event.type === 'removed') for (const id of event.ids) found.delete(id);
      if (event.type === 'progress') [points, of] = [event.points, event.of];
      if (event.type === 'done') kept = event.ids;
    }
    t.equal(points, 16);
    t.equal(of, 16);
    t.ok(kept.length > 0);
    for (const id of kept) t.match(found.get(id), { segmentation: { counts: String } });
    // That the service then works no more is asked by the fixture, when the test is over.
    for await (const event of client.everything(image)) if (event.type === 'progress') break;
    const controller = new AbortController();
    const { signal } = controller;
    const events = client.everything(image, {}, { signal });
    t.equal((await events.next()).value?.type, 'start');
    controller.abort();
    await t.rejects(
      async () => {
        for await (const _ of events);
      },
      { name: 'AbortError' },
    );

    await client.drop(image.embedding_id);
    t.equal(await client.find(image.embedding_id), undefined, 'dropped');
  });
});

t.test('a busy service is asked again when it says', async (t) => {
  let asked = 0;
  let wait = '0';
  const busyFor = 2;
  const url = await startServer(t, (_, response) => {
    if (asked++ % (busyFor + 1) < busyFor) {
      response.writeHead(503, { 'retry-after': wait, 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ type: '/problems/overloaded', detail: 'busy', status: 503 }));
    } else response.end('{"models":[]}');
  });

  t.strictSame(await new SamClient({ url }).models(), []);
  t.equal(asked, 3);

  asked = 0;
  const busy = { type: '/problems/overloaded', message: 'busy', retryAfter: 0 };
  t.match(await caught(new SamClient({ url, retries: 1 }).models()), busy);
  t.equal(asked, 2, 'only so often');

  asked = 0;
  wait = '3600';
  t.match(await caught(new SamClient({ url }).models()), { ...busy, retryAfter: 3_600_000 });
  t.equal(asked, 1, 'and not after so long');

  const impatient = new AbortController();
  const waiting = new SamClient({ url, longestWait: 1e9 }).models({ signal: impatient.signal });
  asked = 0;
  const aborted = t.rejects(waiting, { name: 'AbortError' });
  while (asked === 0) await new Promise(setImmediate);
  impatient.abort();
  await aborted;
});

t.test('keys go along, and prefixes stay', async (t) => {
  const seen: string[] = [];
  const url = await startServer(t, (request, response) => {
    seen.push(`${request.url} ${request.headers.authorization}`);
    response.end('{"models":[]}');
  });
  const keys = ['first', undefined];
  const client = new SamClient({ url: `${url}/behind/proxy`, apiKey: () => keys.shift() });
  await client.models();
  await client.models();
  await new SamClient({ url, apiKey: 'fixed' }).models();
  t.strictSame(seen, [
    '/behind/proxy/models Bearer first',
    '/behind/proxy/models undefined',
    '/models Bearer fixed',
  ]);
  t.throws(() => new SamClient(), TypeError);
});

t.test('what something before the service answers is a problem too', async (t) => {
  const url = await startServer(t, (_, response) => {
    response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>');
  });
  const problem = await caught(new SamClient({ url }).models());
  t.match(problem, { name: 'SamProblem', type: 'about:blank', status: 502 });
});
