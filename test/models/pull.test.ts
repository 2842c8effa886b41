import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ModelManifest } from '#src/core/family/model.js';
import { readManifest } from '#src/engine/manifest.js';
import { pull } from '#src/models/pull.js';

const FILE = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255));
const SHA256 = createHash('sha256').update(FILE).digest('hex');
const MODELS = new URL('../../models/', import.meta.url).pathname;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server with the file, which answers the n-th request as the n-th function does, the last one from then on. */
async function serve(t: Test, ...answers: Answer[]) {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(ranges.length, answers.length - 1)] as Answer;
    ranges.push(request.headers.range);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  t.teardown(stop);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/vit.pth`,
    ranges,
    stop,
  };
}

/** The rest of the file from where the request wants it. */
const whole: Answer = ({ headers }, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
  if (start >= FILE.length) return response.writeHead(416).end();
  const rest = FILE.subarray(start);
  if (start > 0) {
    const range = `bytes ${start}-${FILE.length - 1}/${FILE.length}`;
    response.writeHead(206, { 'content-range': range, 'content-length': rest.length });
  } else {
    response.writeHead(200, { 'content-length': rest.length });
  }
  return response.end(rest);
};

/** The beginning of the file; the connection ends when the client has seen some of it. */
function cable(): { cut: Answer; onProgress: () => void } {
  let pull: () => void = () => {};
  return {
    cut: (_request, response) => {
      response.writeHead(200, { 'content-length': FILE.length });
      response.write(FILE.subarray(0, 100_000));
      pull = () => response.socket?.end();
    },
    onProgress: () => pull(),
  };
}

async function manifestOf(checkpoint: Record<string, unknown>): Promise<ModelManifest> {
  const { name, ...rest } = await readManifest(MODELS, 'vit_b');
  return { name, ...rest, checkpoint: { file: 'vit.pth', sha256: SHA256, ...checkpoint } };
}

t.test('a download, and one that is there', async (t) => {
  const folder = t.testdir({});
  const { url, ranges } = await serve(t, whole);
  const manifest = await manifestOf({ url, bytes: FILE.length });
  const seen: (readonly [number, number | undefined])[] = [];
  const path = await pull(folder, manifest, (...progress) => seen.push(progress));
  t.equal(path, join(folder, 'vit.pth'));
  t.ok(readFileSync(path).equals(FILE));
  t.same(seen.at(-1), [FILE.length, FILE.length]);
  t.notOk(existsSync(`${path}.part`));
  await pull(folder, manifest, () => t.fail('nothing is downloaded again'));
  t.equal(ranges.length, 1);
});

t.test('what an earlier run left behind is gone on with', async (t) => {
  const folder = t.testdir({ 'vit.pth.part': FILE.subarray(0, 123_456) });
  const { url, ranges } = await serve(t, whole);
  const path = await pull(folder, await manifestOf({ url }), () => {});
  t.same(ranges, ['bytes=123456-']);
  t.ok(readFileSync(path).equals(FILE));
});

t.test('a part that is whole already', async (t) => {
  const folder = t.testdir({ 'vit.pth.part': FILE });
  const { url } = await serve(t, whole);
  t.ok(readFileSync(await pull(folder, await manifestOf({ url }), () => {})).equals(FILE));
});

t.test('a connection that is cut is taken up again', async (t) => {
  const folder = t.testdir({});
  const { cut, onProgress } = cable();
  const { url, ranges } = await serve(t, cut, whole);
  const path = await pull(folder, await manifestOf({ url, bytes: FILE.length }), onProgress);
  t.equal(ranges[0], undefined);
  t.match(ranges[1], /^bytes=\d+-$/);
  t.ok(readFileSync(path).equals(FILE));
});

t.test('a server that knows no ranges begins anew', async (t) => {
  const folder = t.testdir({ 'vit.pth.part': Buffer.alloc(1000) });
  const ignorant: Answer = (request, response) => {
    delete request.headers.range;
    whole(request, response);
  };
  const { url } = await serve(t, ignorant);
  t.ok(readFileSync(await pull(folder, await manifestOf({ url }), () => {})).equals(FILE));
});

t.test('what is not the file is not kept', async (t) => {
  const folder = t.testdir({ 'vit.pth.part': Buffer.alloc(1000) });
  const { url } = await serve(t, whole);
  const path = join(folder, 'vit.pth');
  await t.rejects(
    pull(folder, await manifestOf({ url }), () => {}),
    { name: 'OperatorError', message: /has the sha256 [0-9a-f]{64}, expected/ },
  );
  t.notOk(existsSync(path) || existsSync(`${path}.part`));

  await t.rejects(
    pull(folder, await manifestOf({ url, bytes: 1000 }), () => {}),
    { message: /has 300000 bytes, the manifest says 1000: nothing was downloaded/ },
  );
  t.notOk(existsSync(`${path}.part`));

  writeFileSync(path, 'altered');
  await t.rejects(
    pull(folder, await manifestOf({ url, bytes: FILE.length }), () => {}),
    { message: /vit\.pth has 7 bytes, expected 300000/ },
  );
});

t.test('no network, no file, nothing to download', async (t) => {
  const folder = t.testdir({});
  const words = /cannot download .*ECONNREFUSED.*no network.*put it at .*vit\.pth/;
  const stopped = await serve(t, whole);
  await stopped.stop();
  const closed = await manifestOf({ url: stopped.url });
  await t.rejects(
    pull(folder, closed, () => {}),
    { name: 'OperatorError', message: words },
  );
  const { url } = await serve(t, (_, response) => response.writeHead(404).end());
  await t.rejects(
    pull(folder, await manifestOf({ url }), () => {}),
    { message: /answers 404 Not Found/ },
  );
  const { cut, onProgress } = cable();
  const gone = await serve(t, cut, (request) => request.socket.destroy());
  await t.rejects(pull(folder, await manifestOf({ url: gone.url }), onProgress), {
    message: /bytes are kept: run it again to go on/,
  });
  await t.rejects(
    pull(folder, await manifestOf({}), () => {}),
    { message: /has no url/ },
  );
  await t.rejects(
    pull(folder, await readManifest(MODELS, 'mobile_sam'), () => {}),
    { message: /come with npm ci/ },
  );
});

const limits = { maxBytes: 16 * 2 ** 30, stallMs: 60_000, spareBytes: 0 };

t.test('bytes without end', async (t) => {
  const folder = t.testdir({});
  let closed = 0;
  const { url } = await serve(t, (_request, response) => {
    const more = () => {
      if (response.destroyed) return;
      if (response.write(FILE)) setImmediate(more);
      else response.once('drain', more);
    };
    response.on('close', () => closed++);
    more();
  });
  const few = { ...limits, maxBytes: 1_000_000 };
  await t.rejects(
    pull(folder, await manifestOf({ url }), () => {}, few),
    { name: 'OperatorError', message: /more than 1000000 bytes.*say how many as "bytes"/ },
  );
  await t.rejects(
    pull(folder, await manifestOf({ url, bytes: FILE.length }), () => {}),
    { name: 'OperatorError', message: /sends more than the 300000 bytes it has/ },
  );
  t.notOk(existsSync(join(folder, 'vit.pth.part')), 'nothing of it is kept');
  while (closed < 2) await new Promise((resolve) => setImmediate(resolve));

  const huge: Answer = (_, response) =>
    response.writeHead(200, { 'content-length': 2 ** 40 }).write('x');
  const claimed = await serve(t, huge);
  await t.rejects(
    pull(folder, await manifestOf({ url: claimed.url }), () => {}, few),
    { message: /more than 1000000 bytes/ },
  );
});

t.test('a download that stalls, before the answer and in it', async (t) => {
  const folder = t.testdir({});
  const stalls: Answer[] = [
    () => {},
    (_, response) => response.writeHead(200, { 'content-length': 9 }).flushHeaders(),
  ];
  for (const stall of stalls) {
    const { url } = await serve(t, stall);
    await t.rejects(
      pull(folder, await manifestOf({ url }), () => {}, { ...limits, stallMs: 300 }),
      { name: 'OperatorError', message: /nothing came for 0\.3 s.*put it at/ },
    );
  }
});

t.test('a disk that is nearly full', async (t) => {
  const folder = t.testdir({});
  const { url } = await serve(t, whole);
  const full = { ...limits, spareBytes: Number.MAX_SAFE_INTEGER / 2 };
  await t.rejects(
    pull(folder, await manifestOf({ url }), () => {}, full),
    {
      name: 'OperatorError',
      message: /more bytes on its disk, with some to spare, and \d+ are free/,
    },
  );
});

t.test('redirects lead to https only', async (t) => {
  const folder = t.testdir({});
  let hello: Buffer | undefined;
  const tls = createTcp((socket) => {
    socket
      .on('error', () => {})
      .once('data', (data) => {
        hello = data;
        socket.destroy();
      });
  }).listen(0, '127.0.0.1');
  await once(tls, 'listening');
  t.teardown(() => tls.close());
  const { port } = tls.address() as AddressInfo;
  let location = '';
  const { url, ranges } = await serve(t, (_, response) =>
    response.writeHead(302, { location }).end(),
  );
  const manifest = await manifestOf({ url });
  for (location of [`http://127.0.0.1:${port}/`, '/vit.pth', 'file:///etc/passwd', 'http://[']) {
    await t.rejects(
      pull(folder, manifest, () => {}),
      { name: 'OperatorError', message: /which is not https: only such redirects are followed/ },
    );
  }
  t.equal(ranges.length, 4);
  t.equal(hello, undefined);
  location = `https://127.0.0.1:${port}/`;
  await t.rejects(
    pull(folder, manifest, () => {}),
    { message: /cannot download/ },
  );
  t.equal((hello as Buffer | undefined)?.[0], 0x16, 'a greeting of TLS');
});
