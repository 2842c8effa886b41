import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import t from 'tap';
import { bearer, keyLine } from '../fixtures/api-key.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));

t.test('keys, scopes and origins', async (t) => {
  const keys =
    `# of the team\n${keyLine('all', 'embed,decode,admin')}` +
    keyLine('embedder', 'embed', 'embed') +
    keyLine('decoder', 'decode', 'decode # not a remark'.slice(0, 6));
  const file = join(t.testdir({ keys }), 'keys');
  const { url, post } = await startService(t, {
    SAM_API_KEYS_FILE: file,
    SAM_CORS_ORIGINS: 'https://app.example.com',
  });
  const get = (path: string, headers = {}, method = 'GET') =>
    fetch(url + path, { method, headers });

  t.test('no key is needed to see whether it lives and how it is used', async (t) => {
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs']) {
      t.equal((await get(path)).status, 200, path);
    }
  });

  t.test('without a valid key nothing is read', async (t) => {
    const none = await post('/embed', form(picture));
    t.equal(none.headers.get('www-authenticate'), 'Bearer');
    await problem(t, none, 401, 'unauthorized');
    const wrong: Record<string, string>[] = [
      bearer('wrong'),
      bearer(''),
      bearer('all all'),
      { authorization: 'Basic YWxsOmFsbA==' },
      { authorization: 'all' },
      { authorization: `Bearer ${'a'.repeat(10_000)}` },
      { 'x-api-key': 'all' },
    ];
    for (const headers of wrong) {
      await problem(t, await post('/embed', form(picture), headers), 401, 'unauthorized');
    }
    for (const path of ['/models', '/metrics', `/embeddings/mobile_sam:${'0'.repeat(64)}`]) {
      await problem(t, await get(path), 401, 'unauthorized');
    }
  });

  t.test('a key opens what its scopes say', async (t) => {
    const embedded = await post('/embed', form(picture), bearer('embed'));
    t.equal(embedded.status, 201);
    const { embedding_id } = (await embedded.json()) as Record<string, string>;
    const click = { embedding_id, box: [9, 9, 99, 99] };
    const path = `/embeddings/${embedding_id}`;
    t.equal((await post('/decode', click, bearer('decode'))).status, 200);
    t.equal((await get(path, bearer('decode'), 'HEAD')).status, 200);
    t.equal((await get('/models', bearer('embed'))).status, 200);
    const segment = form(picture, { box: [9, 9, 99, 99] });
    for (const [answer, scope] of [
      [await post('/decode', click, bearer('embed')), 'decode'],
      [await post('/embed', form(picture), bearer('decode')), 'embed'],
      [await post('/segment', segment, bearer('embed')), 'decode'],
      [await get(path, bearer('embed'), 'DELETE'), 'admin'],
      [await get('/metrics', bearer('decode')), 'admin'],
    ] as const) {
      t.match(answer.headers.get('www-authenticate'), `insufficient_scope", scope="${scope}"`);
      await problem(t, answer, 403, 'forbidden');
    }
    t.equal((await post('/segment', segment, bearer('all'))).status, 200);
    t.equal((await get('/metrics', bearer('all'))).status, 200);
    t.equal((await get(path, bearer('all'), 'DELETE')).status, 204);
  });

  t.test('pages of the origins allowed may call, others may not', async (t) => {
    const preflight = (origin: string) =>
      get(
        '/decode',
        {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type',
        },
        'OPTIONS',
      );
    const allowed = await preflight('https://app.example.com');
    t.equal(allowed.status, 204);
    t.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example.com');
    t.match(allowed.headers.get('access-control-allow-headers'), /authorization/);
    const other = await preflight('https://evil.example.com');
    t.equal(other.headers.get('access-control-allow-origin'), null);
    const refused = await get('/models', { origin: 'https://app.example.com' });
    t.equal(refused.headers.get('access-control-allow-origin'), 'https://app.example.com');
  });

  t.test('a change of the file holds without a restart', async (t) => {
    const models = async (key: string) => (await get('/models', bearer(key))).status;
    await writeFile(file, 'nonsense');
    t.equal(await models('all'), 200);
    await writeFile(file, keyLine('new', 'decode'));
    for (let waited = 0; (await models('new')) !== 200; waited += 100) {
      if (waited > 20_000) t.fail('the new key is never taken');
      await after(100);
    }
    t.equal(await models('all'), 401, 'and the old is revoked');
  });
});

t.test('rates', async (t) => {
  const file = join(t.testdir({ keys: keyLine('a', 'embed') + keyLine('b', 'embed') }), 'keys');
  const { url } = await startService(t, {
    SAM_API_KEYS_FILE: file,
    SAM_RATE_PER_KEY: '3',
    SAM_RATE_PER_ADDRESS: '5',
    SAM_TRUST_PROXY: '127.0.0.0/8',
  });
  const models = (key: string, address: string) =>
    fetch(`${url}/models`, { headers: { ...bearer(key), 'x-forwarded-for': address } });
  const statuses = async (key: string, address: string, times: number) => {
    const found: number[] = [];
    for (let i = 0; i < times; i++) found.push((await models(key, address)).status);
    return found;
  };
  t.same(await statuses('a', '192.0.2.1', 4), [200, 200, 200, 429], 'of one key');
  t.same(await statuses('b', '192.0.2.1', 2), [200, 429], 'of one address, whatever its keys');
  t.same(await statuses('b', '192.0.2.2', 3), [200, 200, 429], 'of one key from two addresses');
  t.same(await statuses('guess', '192.0.2.3', 6), [401, 401, 401, 401, 401, 429], 'of guesses');
  t.same(await statuses('guess', '2001:db8::1', 5), Array(5).fill(401));
  const same64 = await models('guess', '2001:db8::2');
  t.ok(Number(same64.headers.get('retry-after')) >= 1);
  await problem(t, same64, 429, 'rate-limited');
  t.equal((await models('guess', '2001:db8:0:1::1')).status, 401, 'another network');
  t.equal((await fetch(`${url}/healthz`)).status, 200, 'never of health checks');
});

t.test('what browsers are told', async (t) => {
  const { url } = await startService(t, { SAM_RATE_PER_ADDRESS: '1' });
  const { headers } = await fetch(`${url}/healthz`, {
    headers: { origin: 'https://evil.example.com', 'x-forwarded-for': '192.0.2.9' },
  });
  t.equal(headers.get('access-control-allow-origin'), null);
  t.equal(headers.get('x-content-type-options'), 'nosniff');
  t.match(headers.get('content-security-policy'), /default-src 'none'/);
  t.equal(headers.get('cross-origin-resource-policy'), 'same-origin');
  t.equal(headers.get('strict-transport-security'), null);
  const models = (address: string) =>
    fetch(`${url}/models`, { headers: { 'x-forwarded-for': address } });
  t.equal((await models('192.0.2.1')).status, 200);
  t.equal((await models('192.0.2.2')).status, 429, 'no proxy is trusted unless it is named');
});
