import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { folder } from '../fixtures/folder.js';
import { rawConnection } from '../fixtures/raw-http.js';
import { problem, startService } from '../fixtures/service.js';

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const SCRIPT = `export default ${JSON.stringify('a'.repeat(5000))};\n`;
const FILES = {
  'index-1a2b3c.js': SCRIPT,
  'index-1a2b3c.js.br': brotliCompressSync(SCRIPT),
  'index-1a2b3c.js.gz': gzipSync(SCRIPT),
  'style-1a2b3c.css': 'body { margin: 0; }\n',
  'worker-1a2b3c.mjs': 'postMessage(1);\n',
  'ort-1a2b3c.wasm': Buffer.from([0, 97, 115, 109, 1, 0, 0, 0]),
  'drawing-1a2b3c.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  '.hidden': 'hidden',
};

const documentOf = (title: string) =>
  `<!doctype html><title>${title}</title><script type="module" src="assets/index-1a2b3c.js"></script>`;

/** A page as the build lays it out, in a folder of the test's, and beside it what is not of it. */
function page(t: Test, title = 'page'): string {
  const keys = `somebody embed ${'0'.repeat(64)}\n`;
  const root = join(folder(t, { keys, 'secret.txt': 'secret' }), 'web');
  mkdirSync(join(root, 'assets'), { recursive: true });
  writeFileSync(join(root, 'index.html'), documentOf(title));
  for (const [name, content] of Object.entries(FILES)) {
    writeFileSync(join(root, 'assets', name), content);
  }
  return root;
}

t.test('the page at /', async (t) => {
  const root = page(t);
  const locked = { SAM_API_KEYS_FILE: join(root, '../keys'), SAM_RATE_PER_KEY: '1' };
  const { url, server } = await startService(t, locked, root);
  const get = (path: string, headers = {}, method = 'GET') =>
    fetch(url + path, { method, headers });

  t.test('is for browsers, programs get links', async (t) => {
    for (const path of ['/', '/?from=somewhere']) {
      const response = await get(path, BROWSER);
      t.equal(response.status, 200, path);
      t.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
      t.equal(response.headers.get('vary'), 'accept');
      t.equal(response.headers.get('cache-control'), 'no-cache');
      t.equal(await response.text(), documentOf('page'));
    }
    for (const accept of ['*/*', 'application/json', 'application/json, text/html']) {
      const response = await get('/', { accept });
      t.match(await response.json(), { name: 'sam-split', links: { docs: 'docs' } }, accept);
      t.equal(response.headers.get('vary'), 'accept');
      t.match(response.headers.get('content-security-policy'), /^default-src 'none';frame-anc/);
      t.equal(response.headers.get('cross-origin-embedder-policy'), null);
    }
    const head = await get('/', BROWSER, 'HEAD');
    t.equal(head.headers.get('content-length'), String(documentOf('page').length));
    t.equal(await head.text(), '');
    await problem(t, await get('/', BROWSER, 'POST'), 405, 'method-not-allowed');
  });

  t.test('is told apart from another of the same length', async (t) => {
    const etag = (await get('/', BROWSER)).headers.get('etag') ?? '';
    const again = await get('/', { ...BROWSER, 'if-none-match': etag });
    t.equal(again.status, 304);
    t.equal(await again.text(), '');
    const other = await startService(t, {}, page(t, 'peag'));
    const changed = await fetch(other.url, { headers: { ...BROWSER, 'if-none-match': etag } });
    t.equal(changed.status, 200);
    t.equal(await changed.text(), documentOf('peag'));
  });

  t.test('has files that are kept for good', async (t) => {
    const types: Record<string, string> = {
      'index-1a2b3c.js': 'application/javascript; charset=utf-8',
      'worker-1a2b3c.mjs': 'application/javascript; charset=utf-8',
      'style-1a2b3c.css': 'text/css; charset=utf-8',
      'ort-1a2b3c.wasm': 'application/wasm',
      'drawing-1a2b3c.svg': 'image/svg+xml',
    };
    for (const [name, type] of Object.entries(types)) {
      const plain = { 'accept-encoding': 'identity' };
      const response = await get(`/assets/${name}`, plain);
      t.equal(response.status, 200, name);
      t.equal(response.headers.get('content-type'), type);
      t.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable');
      t.equal(response.headers.get('x-content-type-options'), 'nosniff');
      const body = Buffer.from(await response.arrayBuffer());
      t.equal(response.headers.get('content-length'), String(body.length));
      t.same(body, Buffer.from(FILES[name as keyof typeof FILES]));
      const head = await get(`/assets/${name}`, plain, 'HEAD');
      for (const header of ['content-length', 'content-type', 'cache-control', 'etag']) {
        t.equal(head.headers.get(header), response.headers.get(header), header);
      }
      // Not by fetch, which says no-cache with it.
      const etag = response.headers.get('etag') ?? '';
      const headers = { ...plain, 'if-none-match': etag };
      t.equal((await server.inject({ url: `/assets/${name}`, headers })).statusCode, 304);
    }
    const refused = await get('/assets/index-1a2b3c.js', {}, 'DELETE');
    t.equal(refused.headers.get('allow'), 'GET, HEAD');
    await problem(t, refused, 405, 'method-not-allowed');
  });

  t.test('has its files packed for who takes them so', async (t) => {
    const packed = async (path: string, accepted: string) => {
      const { headers, rawPayload } = await server.inject({
        url: path,
        headers: { 'accept-encoding': accepted },
      });
      t.equal(headers.vary, 'accept-encoding', accepted);
      t.equal(headers['content-length'], String(rawPayload.length));
      t.match(headers['content-type'], /^application\/javascript/);
      return { encoding: headers['content-encoding'], body: rawPayload, etag: headers['etag'] };
    };
    const br = await packed('/assets/index-1a2b3c.js', 'gzip, deflate, br, zstd');
    t.equal(br.encoding, 'br');
    t.equal(brotliDecompressSync(br.body).toString(), SCRIPT);
    const gzip = await packed('/assets/index-1a2b3c.js', 'gzip, deflate');
    t.equal(gzip.encoding, 'gzip');
    t.equal(gunzipSync(gzip.body).toString(), SCRIPT);
    const plain = await packed('/assets/index-1a2b3c.js', 'identity');
    t.equal(plain.encoding, undefined);
    t.equal(new Set([br.etag, gzip.etag, plain.etag]).size, 3);
    const alone = await packed('/assets/worker-1a2b3c.mjs', 'br');
    t.equal(alone.encoding, undefined, 'one that is not there packed comes as it is');
  });

  t.test('is isolated, and runs nothing but its own', async (t) => {
    for (const path of ['/', '/assets/index-1a2b3c.js', '/assets/worker-1a2b3c.mjs']) {
      const { headers } = await get(path, BROWSER);
      t.equal(headers.get('cross-origin-opener-policy'), 'same-origin', path);
      t.equal(headers.get('cross-origin-embedder-policy'), 'require-corp');
      t.equal(headers.get('cross-origin-resource-policy'), 'same-origin');
      const policy = headers.get('content-security-policy') ?? '';
      t.match(policy, /^default-src 'none';script-src 'self' 'wasm-unsafe-eval';/);
      t.match(policy, /;frame-ancestors 'self'$/);
      t.notMatch(policy, /'unsafe-|https?:|\*/);
    }
    const api = await get('/healthz');
    t.equal(api.headers.get('cross-origin-embedder-policy'), null);
  });

  t.test('has no other files', async (t) => {
    const nowhere = [
      '/assets',
      '/assets/',
      '/assets/nothing-1a2b3c.js',
      '/assets/.hidden',
      '/assets/index-1a2b3c.js/',
      '/assets/../index.html',
      '/assets/../../secret.txt',
      '/assets/%2e%2e/%2e%2e/secret.txt',
      '/assets/..%2f..%2fsecret.txt',
      '/assets/..%5c..%5csecret.txt',
      '/assets//index-1a2b3c.js',
      '/assets/./index-1a2b3c.js',
      '/assets/%00',
      '/assets/index-1a2b3c.js%00.css',
      `/assets/${'a'.repeat(300)}`,
      '/index.html',
      '/secret.txt',
    ];
    // Written as it stands: a client that is one would tidy the paths up.
    for (const path of nowhere) {
      const connection = await rawConnection(url);
      connection.socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
      const answer = await connection.closed();
      t.match(answer, /^HTTP\/1\.1 404 /, path);
      t.match(answer, /content-type: application\/problem\+json/);
      t.notMatch(answer, /secret(?!\.txt)|immutable|embedder|ENO|\/web\//);
    }
  });

  t.test('is in no document', async (t) => {
    const paths = Object.keys(server.swagger().paths ?? {});
    t.ok(paths.includes('/embed'));
    t.same(
      paths.filter((path) => path === '/' || path.startsWith('/assets')),
      [],
    );
  });
});

t.test('opening the page is one request of its address', async (t) => {
  const { url } = await startService(t, { SAM_RATE_PER_ADDRESS: '2' }, page(t));
  const status = async (path: string) => (await fetch(url + path, { headers: BROWSER })).status;
  t.equal(await status('/'), 200);
  for (const name of Object.keys(FILES).filter((name) => !name.startsWith('.'))) {
    t.equal(await status(`/assets/${name}`), 200);
  }
  t.equal(await status('/'), 200);
  t.equal(await status('/'), 429);
});

t.test('origins that may call the service may frame its page', async (t) => {
  const root = page(t);
  const framing = async (SAM_CORS_ORIGINS: string) => {
    const { url } = await startService(t, { SAM_CORS_ORIGINS }, root);
    const { headers } = await fetch(url, { headers: BROWSER });
    t.equal(headers.get('cross-origin-resource-policy'), 'cross-origin');
    return headers.get('content-security-policy');
  };
  t.match(
    await framing('https://a.example,https://b.example:8443'),
    /'self' https:\/\/a\.example https:\/\/b\.example:8443$/,
  );
  t.match(await framing('*'), /;frame-ancestors 'self' \*$/);
});

t.test('a page that is off, or not built, leaves the way to that of the API', async (t) => {
  const off = await startService(t, { SAM_DEMO: 'off' });
  const unbuilt = await startService(t, {}, join(folder(t, {}), 'web'));
  for (const { url } of [off, unbuilt]) {
    const browser = await fetch(`${url}/`, { headers: BROWSER });
    t.match(browser.url, /\/docs$/);
    t.match(browser.headers.get('content-type'), /^text\/html/);
    await problem(t, await fetch(`${url}/assets/index-1a2b3c.js`), 404, 'not-found');
  }
});
