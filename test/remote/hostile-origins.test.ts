import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { SamError } from '#src/core/errors.js';
import { AllowedHosts } from '#src/remote/allowed-hosts.js';
import type { FetchLimits } from '#src/remote/fetch-slots.js';
import { ImageUrls } from '#src/remote/image-urls.js';

const TIMEOUT_MS = 2000;
const failed = { code: 'source-unavailable', message: 'the image could not be fetched' };

type Script = (socket: Socket, target: string) => void;

/** What the other side still holds open, and how the fetches of one test see it. */
class Origin {
  readonly urls: ImageUrls;
  readonly #base: string;
  readonly #sockets = new Set<Socket>();
  served = 0;

  private constructor(port: number, limits?: FetchLimits) {
    this.#base = `127.0.0.2:${port}`;
    const hosts = new AllowedHosts([this.#base]);
    const allows = (address: string) => address === '127.0.0.2';
    this.urls = new ImageUrls({ hosts, timeoutMs: TIMEOUT_MS, allows, ...(limits && { limits }) });
  }

  /** A server that speaks TCP only: `script` says what comes after a request. */
  static async open(t: Test, script: Script, limits?: FetchLimits): Promise<Origin> {
    const server = createServer((socket) => {
      origin.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => origin.#sockets.delete(socket));
      socket.once('data', (request) => {
        origin.served++;
        script(socket, request.toString().split(' ')[1] ?? '');
      });
    }).listen(0, '127.0.0.2');
    await once(server, 'listening');
    const origin = new Origin((server.address() as AddressInfo).port, limits);
    t.teardown(() => {
      for (const socket of origin.#sockets) socket.destroy();
      server.close();
    });
    return origin;
  }

  read(receive: (body: Readable) => Promise<string> = text, tls = false) {
    return this.urls.read(`${tls ? 'https' : 'http'}://${this.#base}/image.png`, receive);
  }

  /** Resolves when the fetcher has closed everything. */
  async left(): Promise<void> {
    while (this.#sockets.size > 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Writes the same for as long as the other side takes it. */
function endlessly(socket: Socket, chunk: string): void {
  const many = chunk.repeat(Math.ceil(16_000 / chunk.length));
  const more = () => {
    if (socket.destroyed) return;
    if (socket.write(many)) setImmediate(more);
    else socket.once('drain', more);
  };
  more();
}

const OK = 'HTTP/1.1 200 OK\r\n';
const PLAIN = `${OK}content-length: 5\r\n\r\nimage`;
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;
const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n';

/** Each fails at once, without waiting for the deadline. */
const AT_ONCE: Record<string, Script> = {
  'switching protocols': (socket) => socket.write(upgrade),
  'switching protocols and hanging up': (socket) => {
    socket.write(upgrade, () => socket.resetAndDestroy());
  },
  'switching protocols with bytes behind': (socket) => socket.write(upgrade + 'x'.repeat(100_000)),
  'switching protocols without an upgrade': (socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  'continue without end': (socket) => endlessly(socket, 'HTTP/1.1 100 Continue\r\n\r\n'),
  'early hints without end': (socket) =>
    endlessly(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n'),
  'a tunnel': (socket) => socket.write('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
  'a reset instead of an answer': (socket) => socket.resetAndDestroy(),
  'a reset within the header': (socket) => {
    socket.write(`${OK}content-le`, () => socket.resetAndDestroy());
  },
  'a reset within the body': (socket) => {
    socket.write(`${OK}content-length: 9\r\n\r\nimage`, () => socket.resetAndDestroy());
  },
  'a body that ends early': (socket) => socket.end(`${OK}content-length: 9\r\n\r\nimage`),
  'chunks that end early': (socket) => socket.end(`${CHUNKED}5\r\nimage\r\n`),
  'a header without end': (socket) => {
    socket.write(OK);
    endlessly(socket, 'x: y\r\n');
  },
  'a field without end': (socket) => {
    socket.write(`${OK}x: `);
    endlessly(socket, 'y'.repeat(1000));
  },
  'a status without end': (socket) => {
    socket.write('HTTP/1.1 200 ');
    endlessly(socket, 'y'.repeat(1000));
  },
  'a redirect to a megabyte': (socket) =>
    socket.write(`HTTP/1.1 302 Found\r\nlocation: /${'y'.repeat(2 ** 20)}\r\n\r\n`),
  'redirects in a circle': (socket) =>
    socket.write('HTTP/1.1 302 Found\r\nlocation: /image.png\r\ncontent-length: 0\r\n\r\n'),
  'a length that is none': (socket) => socket.write(`${OK}content-length: -5\r\n\r\nimage`),
  'two lengths': (socket) =>
    socket.write(`${OK}content-length: 5\r\ncontent-length: 6\r\n\r\nimage`),
  'a length and chunks': (socket) =>
    socket.write(
      `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nimage\r\n0\r\n\r\n`,
    ),
  'chunks that are none': (socket) => socket.write(`${CHUNKED}zzz\r\nimage\r\n`),
  'a chunk of 2^80 bytes': (socket) => socket.write(`${CHUNKED}${'f'.repeat(20)}\r\nimage\r\n`),
  'trailers without end': (socket) => {
    socket.write(`${CHUNKED}5\r\nimage\r\n0\r\n`);
    endlessly(socket, 'x: y\r\n');
  },
  'a packed body': (socket) =>
    socket.write(`${OK}content-encoding: gzip\r\ncontent-length: 5\r\n\r\nimage`),
  'something else than HTTP': (socket) => socket.write('220 smtp.example ESMTP\r\n'),
  'a part of an image': (socket) =>
    socket.write('HTTP/1.1 206 Partial Content\r\ncontent-length: 5\r\n\r\nimage'),
  'no content': (socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n'),
};

/** Each is ended by the deadline. */
const STALLED: Record<string, Script> = {
  'no answer': () => {},
  'a header that stops': (socket) => socket.write(`${OK}content-le`),
  'a body that stops': (socket) => socket.write(`${OK}content-length: 9\r\n\r\nimage`),
  'a body that is open': (socket) => socket.write(`${OK}\r\nimage`),
  'a header byte by byte': (socket) => {
    const timer = setInterval(() => socket.write('x'), 20);
    socket.on('close', () => clearInterval(timer)).write(`${OK}y: `);
  },
  'a body byte by byte': (socket) => {
    const timer = setInterval(() => socket.write('x'), 20);
    socket.on('close', () => clearInterval(timer)).write(`${OK}\r\n`);
  },
};

t.test('what an origin cannot do to the process', async (t) => {
  for (const [name, script] of Object.entries(AT_ONCE)) {
    const origin = await Origin.open(t, script);
    const start = performance.now();
    await t.rejects(origin.read(), failed, name);
    t.ok(performance.now() - start < TIMEOUT_MS, `${name}: before the deadline`);
    await origin.left();
    t.ok(origin.served > 0, `${name}: was asked`);
  }
});

t.test('what takes too long ends at the deadline', async (t) => {
  const ends = async ([name, script]: [string, Script]) => {
    const origin = await Origin.open(t, script);
    const start = performance.now();
    await t.rejects(origin.read(), failed, name);
    const took = performance.now() - start;
    t.ok(took > TIMEOUT_MS - 50 && took < TIMEOUT_MS + 500, `${name}: after ${took} ms`);
    await origin.left();
  };
  await Promise.all(Object.entries(STALLED).map(ends));
});

t.test('instead of TLS', async (t) => {
  for (const garbage of ['HTTP/1.1 400 Bad Request\r\n\r\n', '\x16\x03\x01\xff\xff'.repeat(99)]) {
    const origin = await Origin.open(t, (socket) => socket.write(garbage, 'latin1'));
    await t.rejects(origin.read(text, true), failed);
    await origin.left();
  }
});

t.test('what comes after the image is not waited for', async (t) => {
  for (const script of [
    (socket: Socket) => socket.write(PLAIN),
    (socket: Socket) => socket.write(PLAIN.replace('OK', 'OK\r\nconnection: keep-alive')),
    (socket: Socket) => socket.write(`${CHUNKED}5\r\nimage\r\n0\r\nx: y\r\n\r\n`),
    (socket: Socket) => socket.end(`${OK}\r\nimage`),
    (socket: Socket) => socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${PLAIN}`),
  ]) {
    const origin = await Origin.open(t, script);
    t.equal(await origin.read(), 'image');
    await origin.left();
  }
  const origin = await Origin.open(t, (socket) => {
    socket.write(PLAIN);
    endlessly(socket, 'more');
  });
  await origin.read().then(
    (image) => t.equal(image, 'image'),
    (error) => t.match(error, failed),
  );
  await origin.left();
});

t.test('a body that the receiver has enough of', async (t) => {
  const origin = await Origin.open(t, (socket) => {
    socket.write(`${OK}content-length: ${2 ** 40}\r\n\r\n`);
    endlessly(socket, 'x'.repeat(10_000));
  });
  const enough = new SamError('payload-too-large', 'an image may have 100000 bytes');
  let seen = 0;
  const reading = origin.read(async (body) => {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      seen += chunk.length;
      if (seen > 100_000) throw enough;
    }
    return '';
  });
  await t.rejects(reading, enough);
  await origin.left();
  t.ok(seen < 200_000, `${seen} bytes were read`);
});

t.test('a body without a length that is reset is not whole', async (t) => {
  let reset = () => {};
  const origin = await Origin.open(t, (socket) => {
    socket.write(`${OK}\r\nimage`);
    reset = () => socket.resetAndDestroy();
  });
  const reading = origin.read((body) => {
    body.once('data', () => reset());
    return text(body);
  });
  await t.rejects(reading, failed);
  await origin.left();
});

t.test('places', async (t) => {
  const served: Socket[] = [];
  const slow = await Origin.open(t, (socket) => served.push(socket), { total: 3, perHost: 2 });
  const reading = [slow.read(), slow.read()];
  await t.rejects(slow.read(), {
    code: 'overloaded',
    message: /from this host: try again, or send the image itself/,
    retryAfter: 1,
  });
  while (served.length < 2) await new Promise((resolve) => setImmediate(resolve));
  for (const socket of served) socket.write(PLAIN);
  t.same(await Promise.all(reading), ['image', 'image']);
  const again = slow.read();
  while (served.length < 3) await new Promise((resolve) => setImmediate(resolve));
  served[2]?.write(PLAIN);
  t.equal(await again, 'image', 'places are given back');
  await slow.left();
});
