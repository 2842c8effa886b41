import { createHash } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { bearer, keyLine } from '../fixtures/api-key.js';
import { folder } from '../fixtures/folder.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));
const hash = createHash('sha256').update(picture).digest('hex');
const embedding_id = `mobile_sam:${hash}`;
const box = [40, 40, 140, 140];
const line = (name: string, key = name) => keyLine(name, 'embed,decode,admin', key);

interface Answer {
  readonly flight: string;
  readonly timings: Record<string, number>;
  readonly results: { masks: { logits_token: string }[] }[];
}
const json = async (response: Response) => (await response.json()) as Answer;

/** A folder with a file of two keys and room for a cache. */
function files(t: Test) {
  const directory = folder(t, { keys: line('a') + line('b'), cache: {} });
  return { keys: join(directory, 'keys'), cache: join(directory, 'cache') };
}

async function start(
  t: Test,
  isolate: string,
  environment: Record<string, string> = {},
  file = files(t).keys,
) {
  const service = await startService(t, {
    SAM_API_KEYS_FILE: file,
    SAM_ISOLATE_KEYS: isolate,
    ...environment,
  });
  const { url, post } = service;
  return {
    service,
    ask: (key: string, method: string, headers = {}) =>
      fetch(`${url}/embeddings/${embedding_id}`, {
        method,
        headers: { ...bearer(key), ...headers },
      }),
    embed: (key: string) => post('/embed', form(picture), bearer(key)),
    decode: (key: string, fields: object = {}) =>
      post('/decode', { embedding_id, box, ...fields }, bearer(key)),
    send: (key: string, path: string, body: unknown) => post(path, body, bearer(key)),
  };
}

t.test('keys that have nothing in common', async (t) => {
  const { ask, embed, decode, send } = await start(t, 'true');

  t.test('embed at once, each for itself', async (t) => {
    const answers = await Promise.all([embed('a'), embed('b')]);
    t.same(
      answers.map(({ status }) => status),
      [201, 201],
    );
    for (const answer of answers) t.match(await json(answer), { embedding_id, flight: 'computed' });
    t.match(await json(await embed('a')), { embedding_id, flight: 'cached' });
  });

  t.test('delete their own alone', async (t) => {
    t.equal((await ask('b', 'DELETE')).status, 204);
    t.equal((await ask('a', 'HEAD')).status, 200);
    await problem(t, await ask('b', 'DELETE'), 404, 'embedding-not-found');
    t.equal((await ask('a', 'HEAD')).status, 200, 'nor by trying');
  });

  t.test('find nothing of the other', async (t) => {
    t.equal((await ask('b', 'HEAD')).status, 404);
    for (const accept of ['application/json', 'application/x-npy']) {
      await problem(t, await ask('b', 'GET', { accept }), 404, 'embedding-not-found');
    }
    await problem(t, await decode('b'), 404, 'embedding-not-found');
    const everything = await send('b', '/everything', { embedding_id, points_per_side: 1 });
    await problem(t, everything, 404, 'embedding-not-found');
    t.equal((await ask('a', 'HEAD')).status, 200);
  });

  t.test('are not told by the time either', async (t) => {
    t.ok('context_ms' in (await json(await decode('a'))).timings);
    t.notOk('context_ms' in (await json(await decode('a'))).timings, 'its own is prepared');
    const segmented = await json(await send('b', '/segment', form(picture, { box })));
    t.ok('context_ms' in segmented.timings);
    t.match(await json(await embed('b')), { flight: 'cached' }, 'by its own request');
    t.equal((await send('b', '/everything', form(picture, { points_per_side: 1 }))).status, 200);
  });

  t.test('refer to their own logits', async (t) => {
    const { results } = await json(await decode('a', { return_logits_token: true }));
    const mask_input = { token: results[0]?.masks[0]?.logits_token };
    t.equal((await decode('a', { mask_input })).status, 200);
    await problem(t, await decode('b', { mask_input }), 404, 'logits-not-found');
    const segment = form(picture, { box, mask_input });
    await problem(t, await send('b', '/segment', segment), 404, 'logits-not-found');
  });
});

t.test('on disk', async (t) => {
  const { keys, cache } = files(t);
  const settings = { SAM_CACHE_DIR: cache };
  const first = await start(t, 'true', settings, keys);
  await Promise.all(['a', 'b'].map(async (key) => (await first.embed(key)).text()));
  await first.service.close();
  const names = (await readdir(cache, { recursive: true })).join('\n');
  t.equal(names.match(/embedding$/gm)?.length, 2);
  t.notMatch(names, hash);

  const second = await start(t, 'true', { ...settings, SAM_CACHE_DTYPE: 'float32' }, keys);
  await problem(t, await second.ask('a', 'GET'), 409, 'embedding-mismatch');
  await writeFile(keys, line('a', 'rotated') + line('c'));
  for (let waited = 0; (await second.ask('c', 'HEAD')).status === 401; waited += 100) {
    if (waited > 20_000) t.bailout('the new keys are never taken');
    await after(100);
  }
  await problem(t, await second.ask('rotated', 'GET'), 409, 'embedding-mismatch');
  await problem(t, await second.ask('c', 'GET'), 404, 'embedding-not-found');
  await second.service.close();

  await writeFile(keys, line('a') + line('b'));
  const third = await start(t, 'true', settings, keys);
  t.match(await json(await third.embed('a')), { flight: 'cached', tier: 'disk' });
  t.equal((await third.ask('b', 'DELETE')).status, 204);
  t.equal((await third.ask('a', 'HEAD')).status, 200);
  await third.service.close();

  const shared = await start(t, 'false', settings, keys);
  await problem(t, await shared.ask('a', 'GET'), 404, 'embedding-not-found');
});

t.test('without isolation keys share what they have', async (t) => {
  const { ask, embed, decode } = await start(t, 'false', { SAM_LOGITS_BYTES: '2M' });
  await (await embed('a')).text();
  t.match(await json(await embed('b')), { flight: 'cached' });
  t.equal((await decode('b')).status, 200);

  await t.test('but none pushes out the tokens of another', async (t) => {
    const keep = async (key: string, prompts: number) => {
      const body = {
        box: undefined,
        prompts: Array(prompts).fill({ box }),
        return_logits_token: true,
      };
      const { results } = await json(await decode(key, body));
      return results.map(({ masks }) => masks[0]?.logits_token);
    };
    const tokens = await keep('a', 3);
    for (let i = 0; i < 2; i++) await keep('b', 64);
    for (const token of tokens) t.equal((await decode('a', { mask_input: { token } })).status, 200);
  });

  t.equal((await ask('b', 'DELETE')).status, 204);
  t.equal((await ask('a', 'HEAD')).status, 404);
});
