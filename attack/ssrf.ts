import { once } from 'node:events';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Client, check } from './client.js';

/** Ways to say this machine, its neighbours and what is not the web, all of which a fetcher must refuse. */
export function vectors(port: number): string[] {
  const loopback = [
    '127.0.0.1 127.1 127.0.1 127.0.0.2 127.255.255.254 2130706433 0x7f000001 0x7f.0.0.1 0x7f.1 017700000001',
    '0177.0.0.1 0177.0.0.01 127.0.0.0x1 0 0.0.0.0 0x0 00 localhost LOCALHOST localhost. LocalHost.',
    '①②⑦.⓪.⓪.① １２７.０.０.１ 127。0。0。1 127．0．0．1 127%2e0%2e0%2e1 %31%32%37.0.0.1 ⓛocalhost locaⓁhost',
    'localho%73t localhost%2e [::1] [::] [0:0:0:0:0:0:0:1] [0000::0001] [::127.0.0.1] [::7f00:1]',
    '[::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1]',
    '[64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2002:7f00:0001::1] [2001:0:7f00:1::]',
    '[fe80::1] [fe80::1%25lo] [fec0::1] [fc00::1] [fd00::1] [ff02::1] [100::1] [2001:db8::1] [::ffff:0.0.0.0]',
    '127.0.0.1.. 127.0.0.1. ip6-localhost ip6-loopback',
  ].flatMap((line) => line.split(' '));
  const inside = [
    '10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.254 192.168.0.1 192.168.255.254 169.254.169.254 169.254.0.1',
    '2852039166 0xa9fea9fe 0251.0376.0251.0376 [::ffff:169.254.169.254] [::ffff:a9fe:a9fe] [64:ff9b::a9fe:a9fe]',
    '[2002:a9fe:a9fe::] 100.64.0.1 100.127.255.254 100.100.100.200 192.0.0.192 192.0.0.1 192.0.2.1 198.18.0.1',
    '198.19.255.254 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 [fd00:ec2::254]',
    '[::ffff:10.0.0.1] [::ffff:192.168.0.1] [2002:c0a8:0001::] [64:ff9b::10.0.0.1] 0.1.2.3',
  ].flatMap((line) => line.split(' '));
  const own = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address));
  const at = (host: string) => `http://${host}:${port}/`;
  return [
    ...[...loopback, ...inside, ...own].map(at),
    ...['169.254.169.254/latest/meta-data/', '127.0.0.1/', '[::1]/', '10.0.0.1/'].map(
      (rest) => `http://${rest}`,
    ),
    ...[
      `https://127.0.0.1:${port}/`,
      `HTTP://127.0.0.1:${port}/`,
      `http:127.0.0.1:${port}/`,
      `http:\\\\127.0.0.1:${port}\\`,
      `http:///127.0.0.1:${port}/`,
      `  http://127.0.0.1:${port}/`,
      `http://127.0.0.1:\t${port}/`,
      `ht\ntp://127.0.0.1:${port}/`,
      `http://example.com@127.0.0.1:${port}/`,
      `http://example.com:80@127.0.0.1:${port}/`,
      `http://user:secret@127.0.0.1:${port}/`,
      `http://127.0.0.1:${port}@example.com/`,
      `http://127.0.0.1:${port}#@example.com/`,
      `http://127.0.0.1:${port}?@example.com/`,
      `http://127.0.0.1:${port}\\@example.com/`,
      `http://example.com\\@127.0.0.1:${port}/`,
      `http://127.0.0.1:0${port}/`,
      'http://example.com:22/',
      'http://example.com:0/',
      'https://example.com:25/',
      'http://127.0.0.1:99999/',
      `//127.0.0.1:${port}/`,
      `127.0.0.1:${port}`,
      `ftp://127.0.0.1:${port}/`,
      `gopher://127.0.0.1:${port}/_x`,
      `dict://127.0.0.1:${port}/x`,
      `ldap://127.0.0.1:${port}/`,
      `ws://127.0.0.1:${port}/`,
      `tftp://127.0.0.1:${port}/x`,
      `jar:http://127.0.0.1:${port}!/`,
      `view-source:http://127.0.0.1:${port}/`,
      `blob:http://127.0.0.1:${port}/x`,
      'file:///etc/passwd',
      'file://localhost/etc/passwd',
      'FILE:///etc/passwd',
      '/etc/passwd',
      'data:image/png;base64,iVBORw0KGgo=',
      'javascript:alert(1)',
      'http://',
      'http://[::1',
      'http://[:::1]/',
      'http://%00/',
      'nonsense',
    ],
  ];
}

export interface SsrfFigures {
  readonly vectors: number;
  readonly answers: Record<string, number>;
  readonly connections: number;
}

/** Listens where no fetch may arrive. */
export async function canary(): Promise<{
  port: number;
  connections: () => number;
  close: () => void;
}> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret');
  }).listen(0, '::');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { port, connections: () => connections, close: () => server.close() };
}

/** What lets the victim fetch from any host, on the canary's port too. */
export function ssrfSettings(port: number): Record<string, string> {
  return { SAM_URL_SOURCES: `*,*:${port}` };
}

/** Asks for every vector. */
export async function ssrf(
  url: string,
  { port, connections }: { port: number; connections: () => number },
): Promise<SsrfFigures> {
  const client = new Client(url);
  const all = vectors(port);
  const answers: Record<string, number> = {};
  for (const vector of all) {
    const body = JSON.stringify({ image: { url: vector } });
    const reply = await client.send({ path: '/embed', body });
    const said = reply.body.toString();
    const { type } = JSON.parse(said) as { type: string };
    answers[type] = (answers[type] ?? 0) + 1;
    const refused = ['/problems/source-not-allowed', '/problems/source-unavailable'].includes(type);
    check(refused, `${JSON.stringify(vector)} is refused, not ${reply.status} ${said}`);
    check(!/secret|127\.|169\.254/.test(said), `nothing is told of ${vector}: ${said}`);
  }
  client.close();
  check(connections() === 0, `nothing connects to the canary: ${connections()} did`);
  return { vectors: all.length, answers, connections: connections() };
}
