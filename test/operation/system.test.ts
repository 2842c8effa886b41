import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import t from 'tap';
import { parse } from 'yaml';
import { ERROR_CODES } from '#src/core/errors.js';
import { startService } from '../fixtures/service.js';

t.test('what operators ask', async (t) => {
  const { url, server } = await startService(t, { SAM_MODELS_LOAD: 'start' });
  const get = (path: string) => fetch(url + path);

  t.test('health, readiness and models', async (t) => {
    t.equal((await get('/healthz')).status, 200);
    t.equal((await get('/readyz')).status, 200);
    t.match(await (await get('/models')).json(), {
      models: [
        {
          name: 'mobile_sam',
          encoder: { provider: 'cpu', sha256: /^18348d14/ },
          decoder: { provider: 'cpu', sha256: /^800b1500/ },
        },
      ],
    });
  });

  t.test('request ids', async (t) => {
    const echo = await fetch(`${url}/healthz`, { headers: { 'x-request-id': 'abc-1.2' } });
    t.equal(echo.headers.get('x-request-id'), 'abc-1.2');
    const odd = await fetch(`${url}/healthz`, { headers: { 'x-request-id': 'a b"c' } });
    t.match(odd.headers.get('x-request-id'), /^[0-9a-f-]{36}$/);
  });

  t.test('openapi.yaml is what the routes say', async (t) => {
    const committed = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'));
    t.same(committed, await (await get('/openapi.json')).json());
    t.same(committed, JSON.parse(JSON.stringify(server.swagger())));
    const { Problem } = committed.components.schemas;
    const types = Problem.properties.type.enum as string[];
    t.same([...types].sort(), ERROR_CODES.map((code) => `/problems/${code}`).sort());
    t.same(Object.keys(committed.paths).sort(), [
      '/decode',
      '/embed',
      '/embeddings/{id}',
      '/embeddings/{id}/decode',
      '/embeddings/{id}/everything',
      '/everything',
      '/healthz',
      '/metrics',
      '/models',
      '/models/{name}/context.onnx',
      '/models/{name}/decoder.onnx',
      '/readyz',
      '/segment',
    ]);
  });

  t.test('the page of the API needs nothing from elsewhere', async (t) => {
    const response = await get('/docs');
    t.equal(response.status, 200);
    const page = await response.text();
    t.notMatch(page, /(src|href)="(https?:)?\/\//);
    const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path as string);
    t.ok(files.length >= 3);
    for (const path of files) {
      const file = await fetch(new URL(path, `${url}/docs/`));
      t.equal(file.status, 200, path);
      await file.arrayBuffer();
    }
    t.notMatch(response.headers.get('content-security-policy'), /https:|upgrade-insecure/);
  });

  t.test('the root leads on', async (t) => {
    const links = (await (await get('/')).json()) as { links: Record<string, string> };
    for (const path of [links.links['docs'], links.links['openapi'], links.links['health']]) {
      t.equal((await get(`/${path}`)).status, 200, String(path));
    }
    t.equal((await fetch(`${url}/`, { method: 'POST' })).status, 405);
  });

  t.test('a slash at the end changes nothing', async (t) => {
    for (const path of ['/docs/', '/models/', '/healthz/', '/openapi.json/']) {
      t.equal((await get(path)).status, 200, path);
    }
    for (const path of ['/embed/', '/decode/', '/segment/', '/everything/']) {
      t.equal((await get(path)).status, 405, path);
    }
    t.equal((await get(`/embeddings/mobile_sam:${'0'.repeat(64)}/`)).status, 404);
  });

  t.test('the requests in the document run in their order', async (t) => {
    const { paths, components } = server.swagger() as unknown as {
      paths: Record<string, { post: { tags: string[]; requestBody: { content: Bodies } } }>;
      components: { schemas: Record<string, { examples?: object[] }> };
    };
    type Bodies = Record<string, { schema: { $ref?: string } }>;
    for (const methods of Object.values(paths)) {
      for (const { tags } of Object.values(methods)) t.match(tags, [/^[A-Z]/]);
    }
    for (const path of ['/embed', '/decode', '/segment', '/everything']) {
      const { schema } = paths[path]?.post.requestBody.content['application/json'] ?? {};
      const [example] = components.schemas[schema?.$ref?.split('/').at(-1) ?? '']?.examples ?? [];
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(example),
      });
      t.ok(response.ok, `${path}: ${(await response.text()).slice(0, 200)}`);
    }
  });

  t.test('what is not HTTP gets a problem too', async (t) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.end('nonsense\r\n\r\n');
    let answer = '';
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text;
    });
    await once(socket, 'close');
    t.match(answer, /^HTTP\/1\.1 400 .*application\/problem\+json.*malformed-request/s);
  });
});
