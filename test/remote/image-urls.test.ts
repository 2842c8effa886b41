import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { AllowedHosts } from '#src/remote/allowed-hosts.js';
import { ImageUrls } from '#src/remote/image-urls.js';
import { isPublicAddress } from '#src/remote/public-address.js';

/** A server on an address of this machine's that no other test uses. */
async function serve(t: Test, handler: RequestListener, address = '127.0.0.2'): Promise<number> {
  const server = createServer(handler).listen(0, address);
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function fetcher(hosts: string[], timeoutMs = 5000) {
  // Of this machine's addresses this one plays the public host.
  const allows = (address: string) => address === '127.0.0.2' || isPublicAddress(address);
  return new ImageUrls({ hosts: new AllowedHosts(hosts), timeoutMs, allows });
}

const refused = { code: 'source-not-allowed', message: 'images are not fetched from this URL' };
const failed = { code: 'source-unavailable', message: 'the image could not be fetched' };

t.test('hosts', async (t) => {
  const hosts = new AllowedHosts(['Images.example.com', '*.cdn.example', 'odd.example:8443']);
  for (const [url, has] of [
    ['https://images.example.com/a.jpg', true],
    ['http://IMAGES.example.com/', true],
    ['https://images.example.com.', true],
    ['https://images.example.com:443/', true],
    ['https://images.example.com:8443/', false],
    ['http://images.example.com:443/', false],
    ['https://example.com/', false],
    ['https://images.example.com.evil.example/', false],
    ['https://a.cdn.example/', true],
    ['https://a.b.cdn.example/', true],
    ['https://cdn.example/', false],
    ['https://evilcdn.example/', false],
    ['https://odd.example:8443/', true],
    ['https://odd.example/', false],
    ['https://images%2eexample.com/', true],
  ] as const) {
    t.equal(hosts.has(new URL(url)), has, url);
  }
  t.equal(new AllowedHosts(['*']).has(new URL('https://any.example/')), true);
  t.equal(new AllowedHosts(['*']).has(new URL('https://any.example:22/')), false);
  t.equal(new AllowedHosts([]).has(new URL('https://any.example/')), false);
  for (const rule of ['https://a.example', 'a.example/x', '*a.example', 'a b', '[::1]', 'a:b']) {
    t.throws(() => new AllowedHosts([rule]), { name: 'OperatorError' }, rule);
  }
});

t.test('public addresses, and what only looks like one', async (t) => {
  for (const address of ['8.8.8.8', '93.184.216.34', '2606:2800:220:1::1', '2a00:1450:4001::1']) {
    t.equal(isPublicAddress(address), true, address);
  }
  for (const address of [
    '0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254',
    '172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1',
    '203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255',
    ':: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1',
    '100::1 2001::1 2001:db8::1 2002:7f00:1:: 2001:10::1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1',
    'nonsense 1.2.3 fe80::1%eth0',
  ].flatMap((line) => line.split(' '))) {
    t.equal(isPublicAddress(address), false, address);
  }
});

t.test('an image comes through, over redirects too', async (t) => {
  const port = await serve(t, ({ url, headers }, answer) => {
    const step = Number(url?.slice(1));
    if (step === 0) return answer.end(`bytes for ${headers['user-agent']}`);
    return answer.writeHead(302, { location: `/${step - 1}` }).end('not this');
  });
  const urls = fetcher([`127.0.0.2:${port}`]);
  t.equal(await urls.read(`http://127.0.0.2:${port}/0`, text), 'bytes for sam-split');
  t.equal(await urls.read(`http://127.0.0.2:${port}/3`, text), 'bytes for sam-split');
  await t.rejects(urls.read(`http://127.0.0.2:${port}/4`, text), failed, 'three are enough');
});

t.test('redirects are judged like the first URL', async (t) => {
  let connected = 0;
  const canary = createTcp((socket) => {
    connected++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(canary, 'listening');
  t.teardown(() => canary.close());
  const inside = (canary.address() as AddressInfo).port;
  let location = '';
  const port = await serve(t, (_request, answer) => answer.writeHead(307, { location }).end());
  const urls = fetcher([`*:${port}`, `*:${inside}`, '*']);
  for (location of [
    `http://127.0.0.1:${inside}/`,
    `//127.0.0.1:${inside}/`,
    `http://localhost:${inside}/`,
    `http://2130706433:${inside}/`,
    `http://[::ffff:127.0.0.1]:${inside}/`,
    `http://user:secret@127.0.0.2:${port}/`,
    'http://169.254.169.254/latest/meta-data/',
    'file:///etc/passwd',
    'http://127.0.0.2:22/',
  ]) {
    await t.rejects(urls.read(`http://127.0.0.2:${port}/`, text), refused, location);
  }
  t.equal(connected, 0);
});

t.test('whatever an upstream does, only that it failed is said', async (t) => {
  const port = await serve(t, ({ url }, answer) => {
    if (url === '/404') answer.writeHead(404).end('secret');
    else if (url === '/gzip') answer.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
    else if (url === '/nowhere') answer.writeHead(302).end();
    else if (url === '/cut')
      answer.writeHead(200, { 'content-length': 9 }).write('x', () => answer.destroy());
    else if (url === '/slow') answer.writeHead(200).write('x');
    else if (url === '/headers') answer.writeHead(200, { x: 'y'.repeat(100_000) }).end();
  });
  const urls = fetcher([`127.0.0.2:${port}`, '127.0.0.2:1'], 500);
  for (const path of ['/404', '/gzip', '/nowhere', '/cut', '/slow', '/silent', '/headers']) {
    await t.rejects(urls.read(`http://127.0.0.2:${port}${path}`, text), failed, path);
  }
  await t.rejects(urls.read('http://127.0.0.2:1/', text), failed, 'nobody listens');
  await t.rejects(urls.read(`https://127.0.0.2:${port}/`, text), failed, 'no TLS');
});

t.test(
  'what the receiver says of the bytes is passed on, and a client that goes ends it',
  async (t) => {
    let ended = 0;
    const port = await serve(t, (_request, answer) => {
      answer.on('close', () => ended++);
      answer.write('x');
    });
    const urls = fetcher([`127.0.0.2:${port}`]);
    const url = `http://127.0.0.2:${port}/`;
    const tooLarge = new Error('too large');
    await t.rejects(
      urls.read(url, async () => Promise.reject(tooLarge)),
      failed,
    );
    const leaving = new AbortController();
    const reading = urls.read(
      url,
      (body) => {
        leaving.abort();
        return text(body);
      },
      leaving.signal,
    );
    await t.rejects(reading, { name: 'AbortError' });
    while (ended < 2) await new Promise((resolve) => setImmediate(resolve));
  },
);
