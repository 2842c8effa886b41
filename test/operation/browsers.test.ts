import t from 'tap';
import { problem, sharedService, startService } from '../fixtures/service.js';

const ORIGIN = 'https://app.example.com';

t.test('pages of other origins', async (t) => {
  const { url } = await startService(t, { SAM_CORS_ORIGINS: ORIGIN });
  const send = (method: string, path: string, headers = {}) =>
    fetch(url + path, { method, headers: { origin: ORIGIN, ...headers } });
  const allowed = (response: Response) => response.headers.get('access-control-allow-origin');

  t.test('may read that a path does not exist', async (t) => {
    for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'OPTIONS']) {
      const response = await send(method, '/nowhere');
      t.equal(allowed(response), ORIGIN, method);
      await problem(t, response, 404, 'not-found');
    }
    const broken = await send('GET', '/embeddings/%E0%A4');
    t.equal(allowed(broken), ORIGIN);
    await problem(t, broken, 400, 'malformed-request');
  });

  t.test('may ask beforehand of any path', async (t) => {
    for (const path of ['/decode', '/nowhere']) {
      const response = await send('OPTIONS', path, { 'access-control-request-method': 'POST' });
      t.equal(response.status, 204, path);
      t.equal(allowed(response), ORIGIN);
      t.match(response.headers.get('access-control-allow-methods'), /POST/);
    }
  });

  t.test('may read which methods there are', async (t) => {
    for (const method of ['PUT', 'OPTIONS']) {
      const response = await send(method, '/decode');
      t.equal(allowed(response), ORIGIN, method);
      t.equal(response.headers.get('allow'), 'POST');
      await problem(t, response, 405, 'method-not-allowed');
    }
  });
});

t.test('without origins nothing is said to pages', async (t) => {
  const { url } = await sharedService(t);
  const preflight = { origin: ORIGIN, 'access-control-request-method': 'POST' };
  for (const [path, status, slug] of [
    ['/nowhere', 404, 'not-found'],
    ['/decode', 405, 'method-not-allowed'],
  ] as const) {
    const response = await fetch(url + path, { method: 'OPTIONS', headers: preflight });
    t.equal(response.headers.get('access-control-allow-origin'), null);
    await problem(t, response, status, slug);
  }
});
