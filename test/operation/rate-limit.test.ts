import t from 'tap';
import { MAX_CLIENTS, RateLimit } from '#src/http/hooks/rate-limit.js';
import { rawConnection } from '../fixtures/raw-http.js';
import { startService } from '../fixtures/service.js';

const MINUTE = 60_000;

/** A limit on a clock of its own. */
function limited(max: number) {
  let now = 1_000_000;
  const limit = new RateLimit(max, () => now);
  return {
    limit,
    count: (client: string) => limit.count(client),
    pass: (ms: number) => {
      now += ms;
    },
  };
}

t.test('a client is counted for a minute from its first request', async (t) => {
  const { count, pass } = limited(2);
  t.equal(count('a'), undefined);
  pass(10_000);
  t.equal(count('a'), undefined);
  t.equal(count('a'), 50_000, 'it has to wait until its minute is over');
  pass(20_000);
  t.equal(count('a'), 30_000);
  t.equal(count('b'), undefined, 'another is counted for itself');
  pass(30_000);
  t.equal(count('a'), undefined);
  t.equal(count('b'), undefined);
  t.equal(count('b'), MINUTE - 30_000);
});

t.test('who is blocked is known whatever others come, in bounded memory', async (t) => {
  const { limit, count } = limited(3);
  for (let i = 0; i < 3; i++) count('blocked');
  for (let i = 0; i < 2; i++) count('below');
  for (let i = 0; i < 2 * MAX_CLIENTS; i++) count(`other ${i}`);
  t.equal(limit.size, MAX_CLIENTS + 1);
  t.equal(count('blocked'), MINUTE);
  t.equal(count('below'), undefined, 'the others give way');
  t.equal(count('below'), undefined);
});

t.test('as many are known as blocked as there is room for', async (t) => {
  const { limit, count } = limited(1);
  for (let i = 0; i <= MAX_CLIENTS; i++) count(`client ${i}`);
  t.equal(limit.size, MAX_CLIENTS);
  t.equal(count('client 1'), MINUTE);
  t.equal(count('client 0'), undefined);
});

const TRUSTING = { SAM_TRUST_PROXY: '127.0.0.0/8' };

t.test('thousands of addresses do not free a blocked one', async (t) => {
  const { url } = await startService(t, { ...TRUSTING, SAM_RATE_PER_ADDRESS: '3' });
  const get = (address: string) =>
    fetch(`${url}/openapi.json`, { headers: { 'x-forwarded-for': address }, method: 'HEAD' });
  for (let i = 0; i < 3; i++) await get('192.0.2.1');
  t.equal((await get('192.0.2.1')).status, 429);
  const others = await rawConnection(url);
  const count = 5_100;
  for (let i = 0; i < count; i++) {
    const headers = `host: x\r\nx-forwarded-for: 10.1.${i >> 8}.${i & 255}\r\nx-request-id: other-${i}`;
    others.socket.write(`HEAD /models HTTP/1.1\r\n${headers}\r\n\r\n`);
  }
  await others.until((text) => text.slice(-2000).includes(`other-${count - 1}`));
  t.same(new Set(others.statuses()), new Set([200]));
  others.socket.destroy();
  t.equal((await get('192.0.2.1')).status, 429);
});

t.test('every request counts but those for health', async (t) => {
  const keys = `a embed ${'0'.repeat(64)}\n`;
  const { url } = await startService(t, {
    ...TRUSTING,
    SAM_RATE_PER_ADDRESS: '2',
    SAM_CORS_ORIGINS: '*',
    SAM_API_KEYS_FILE: `${t.testdir({ keys })}/keys`,
  });
  const preflight = { origin: 'https://a.example', 'access-control-request-method': 'POST' };
  const requests: [name: string, method: string, path: string, first: number, more?: object][] = [
    ['a page that is none', 'GET', '/nowhere', 404],
    ['a method that is none', 'PUT', '/decode', 405],
    ['the page of the API', 'GET', '/docs', 200],
    ['a file of it', 'GET', '/docs/static/swagger-ui.css', 200],
    ['the document', 'GET', '/openapi.json', 200],
    ['a path that cannot be read', 'GET', '/embeddings/%E0%A4', 400],
    ['a name that is too long', 'GET', `/embeddings/${'a'.repeat(300)}`, 400],
    ['a wrong key', 'GET', '/models', 401, { authorization: 'Bearer wrong' }],
    ['another method on health', 'POST', '/healthz', 405],
  ];
  for (const [i, [name, method, path, status, more]] of requests.entries()) {
    const headers = { ...more, 'x-forwarded-for': `192.0.2.${i}` };
    const found: number[] = [];
    for (let n = 0; n < 3; n++) found.push((await fetch(url + path, { method, headers })).status);
    t.same(found, [status, status, 429], name);
  }

  const from = { 'x-forwarded-for': '198.51.100.1' };
  for (let n = 0; n < 3; n++) {
    const answer = await fetch(`${url}/decode`, {
      method: 'OPTIONS',
      headers: { ...from, ...preflight },
    });
    t.equal(answer.status, 204, 'a preflight is answered, so that the page can read the 429');
  }
  const counted = await fetch(`${url}/decode`, {
    method: 'POST',
    headers: { ...from, ...preflight },
  });
  t.equal(counted.status, 429, 'and counted');
  t.equal(counted.headers.get('access-control-allow-origin'), '*');
  t.match(counted.headers.get('access-control-expose-headers'), /retry-after/);

  for (const path of ['/healthz', '/readyz']) {
    for (let n = 0; n < 4; n++) {
      t.equal(
        (await fetch(url + path, { headers: { 'x-forwarded-for': '198.51.100.2' } })).status,
        200,
      );
    }
  }
});

t.test('an address is one client however a proxy writes it', async (t) => {
  const { url } = await startService(t, {
    SAM_TRUST_PROXY: '127.0.0.0/8,10.0.0.0/8',
    SAM_RATE_PER_ADDRESS: '4',
  });
  const forms = [
    ['192.0.2.1', '192.0.2.1:4711', '::ffff:192.0.2.1', '[::ffff:192.0.2.1]:80'],
    ['2001:db8::1', '[2001:db8::2]', '[2001:db8::3]:443', '2001:DB8:0:0:ffff::'],
    ['203.0.113.9', '9.9.9.9, 203.0.113.9', '203.0.113.9:1, 10.0.0.1', '203.0.113.9, 10.0.0.1:80'],
    // Of what is no address, the proxy that passed it on is known.
    ['unknown', '_hidden', '300.1.1.1', '1'],
  ];
  for (const form of forms) {
    for (const address of form) {
      const { status } = await fetch(`${url}/models`, { headers: { 'x-forwarded-for': address } });
      t.equal(status, 200, address);
    }
    const again = { headers: { 'x-forwarded-for': form[0] as string } };
    t.equal((await fetch(`${url}/models`, again)).status, 429, form.join(' '));
  }
  t.equal((await fetch(`${url}/models`)).status, 429, 'the proxy itself is that address');
});
