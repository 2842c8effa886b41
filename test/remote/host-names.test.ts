import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import t, { type Test } from 'tap';
import { AllowedHosts } from '#src/remote/allowed-hosts.js';
import { HostNames } from '#src/remote/host-names.js';
import { HostsFile } from '#src/remote/hosts-file.js';
import { ImageUrls } from '#src/remote/image-urls.js';

/** IPv4 addresses by name; what is not here is not answered at all. */
type Zone = Record<string, readonly string[]>;

/** A name server that knows a few names, says nothing of others, and of no name an IPv6 address unless `six`. */
async function nameServer(t: Test, zone: Zone, six = true) {
  const asked: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, { address, port }) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join('.').toLowerCase();
    const isIPv4 = query.readUInt16BE(at + 1) === 1;
    asked.push(name);
    const known = zone[name];
    if (!known || (!isIPv4 && !six)) return;
    const records = (isIPv4 ? known : []).map((ip) =>
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...ip.split('.').map(Number)]),
    );
    const header = Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, records.length, 0, 0, 0, 0]);
    query.copy(header, 0, 0, 2);
    socket.send(Buffer.concat([header, query.subarray(12, at + 5), ...records]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return { asked, servers: [`127.0.0.1:${socket.address().port}`] };
}

const never = new AbortController().signal;
const noFile = new HostsFile('/nonexistent');

t.test('names of the hosts file, and of a name server', async (t) => {
  const path = join(
    t.testdir({ hosts: '# x\n192.0.2.1 One two # three\n::1\tone\nnonsense four\n' }),
    'hosts',
  );
  const { servers, asked } = await nameServer(t, { 'a.example': ['192.0.2.7', '192.0.2.8'] });
  const names = new HostNames({ servers, hosts: new HostsFile(path) });
  t.same(await names.resolve('one', never), ['192.0.2.1', '::1']);
  t.same(await names.resolve('TWO.', never), ['192.0.2.1']);
  t.same(await names.resolve('localhost', never), ['127.0.0.1', '::1']);
  t.same(await names.resolve('a.localhost', never), ['127.0.0.1', '::1']);
  t.same(asked, [], 'nobody was asked');
  t.same(await names.resolve('a.example', never), ['192.0.2.7', '192.0.2.8']);
});

t.test('a name server that says nothing of IPv6', async (t) => {
  const { servers } = await nameServer(t, { 'a.example': ['192.0.2.7'] }, false);
  const names = new HostNames({ servers, hosts: noFile });
  t.same(await names.resolve('a.example', AbortSignal.timeout(2000)), ['192.0.2.7']);
});

t.test('many addresses', async (t) => {
  const many = Array.from({ length: 25 }, (_, i) => `192.0.2.${i}`);
  const { servers } = await nameServer(t, { 'a.example': many });
  const names = new HostNames({ servers, hosts: noFile });
  t.equal((await names.resolve('a.example', never)).length, 16);
});

t.test('a silent name server holds up nothing but its own names', async (t) => {
  const server = createServer((_request, answer) => answer.end('image')).listen(0, '127.0.0.2');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { servers, asked } = await nameServer(t, {
    'good.example': ['127.0.0.2'],
    'inside.example': ['127.0.0.2', '10.0.0.1'],
  });
  const urls = new ImageUrls({
    hosts: new AllowedHosts([`*.example:${port}`]),
    timeoutMs: 1500,
    allows: (address) => address === '127.0.0.2',
    names: new HostNames({ servers, hosts: noFile }),
  });
  const start = performance.now();
  const silent = Array.from({ length: 16 }, (_, i) =>
    urls.read(`http://silent${i % 4}.example:${port}/`, text),
  );
  const ends = Promise.allSettled(silent);
  while (asked.length < 32) await new Promise((resolve) => setImmediate(resolve));
  t.equal(await urls.read(`http://good.example:${port}/`, text), 'image');
  await t.rejects(urls.read(`http://inside.example:${port}/`, text), {
    code: 'source-not-allowed',
  });
  await readFile(new URL(import.meta.url));
  await promisify(deflate)(Buffer.alloc(1000));
  const others = performance.now() - start;
  t.ok(others < 1000, `others took ${others} ms`);
  for (const end of await ends) {
    t.match(end, { status: 'rejected', reason: { code: 'source-unavailable' } });
  }
  const took = performance.now() - start;
  t.ok(took > 1400 && took < 2500, `silent ones took ${took} ms`);

  const leaving = new AbortController();
  const reading = urls.read(`http://silent.example:${port}/`, text, leaving.signal);
  while (!asked.includes('silent.example')) await new Promise((resolve) => setImmediate(resolve));
  leaving.abort(new Error('gone'));
  await t.rejects(reading, { message: 'gone' });
});
