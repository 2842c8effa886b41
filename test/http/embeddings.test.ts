import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint } from '#src/checkpoint/checkpoint.js';
import { readFloats } from '#src/core/tensors/tensor.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, sharedService } from '../fixtures/service.js';

/** Reads a NumPy file of version 1.0 as its specification says. */
function readNpy(file: Buffer) {
  const length = file.readUInt16LE(8);
  const header = file.subarray(10, 10 + length).toString('latin1');
  return {
    magic: file.subarray(0, 8).toString('latin1'),
    aligned: (10 + length) % 64 === 0 && header.endsWith('\n'),
    descr: /'descr': '([^']+)'/.exec(header)?.[1],
    shape: /'shape': \(([^)]+)\)/.exec(header)?.[1]?.split(',').map(Number),
    fortran: /'fortran_order': (\w+)/.exec(header)?.[1],
    data: file.subarray(10 + length),
  };
}

t.test('an embedding over HTTP', async (t) => {
  const { url, post } = await sharedService(t);
  const embedded = await post('/embed', form(await draw(scene(1))));
  const { embedding_id } = (await embedded.json()) as Record<string, string>;
  const get = (headers: Record<string, string> = {}, query = '', method = 'GET') =>
    fetch(`${url}/embeddings/${embedding_id}${query}`, { method, headers });

  t.test('metadata', async (t) => {
    const response = await get();
    t.equal(response.status, 200);
    t.match(await response.json(), {
      embedding_id,
      model: 'mobile_sam',
      width: 400,
      height: 300,
      shape: [1, 256, 64, 64],
      dtype: 'float16',
      tensors: { image_embeddings: { shape: [1, 256, 64, 64], dtype: 'float16' } },
      fingerprint: /^[0-9a-f]{64}$/,
    });
    const head = await get({}, '', 'HEAD');
    t.equal(head.status, 200);
    t.equal(head.headers.get('etag'), response.headers.get('etag'));
    t.equal(await head.text(), '');
  });

  t.test('an ETag spares the body', async (t) => {
    const tags = new Set<string>();
    for (const [accept, query] of [
      ['application/json', ''],
      ['application/x-npy', ''],
      ['application/x-npy', '?dtype=float16'],
      ['application/octet-stream', ''],
      ['application/x-safetensors', ''],
    ] as const) {
      const first = await get({ accept }, query);
      const etag = first.headers.get('etag') ?? '';
      t.match(etag, /^"[^"]+"$/);
      tags.add(etag);
      await first.arrayBuffer();
      const second = await get({ accept, 'if-none-match': `"other", ${etag}` }, query);
      t.equal(second.status, 304);
      t.equal(await second.text(), '');
    }
    t.equal(tags.size, 5, 'one for each representation');
  });

  t.test('the tensor', async (t) => {
    const raw = await get({ accept: 'application/octet-stream' });
    t.equal(raw.headers.get('x-tensor-shape'), '1,256,64,64');
    t.equal(raw.headers.get('x-tensor-dtype'), 'float32');
    const floats = readFloats(new Uint8Array(await raw.arrayBuffer()), 'float32');
    t.equal(floats.length, 256 * 64 * 64);
    t.ok(floats.every(Number.isFinite) && floats.some((value) => Math.abs(value) > 0.1));

    const full = readNpy(
      Buffer.from(await (await get({ accept: 'application/x-npy' })).arrayBuffer()),
    );
    t.match(full, {
      magic: '\x93NUMPY\x01\x00',
      aligned: true,
      descr: '<f4',
      shape: [1, 256, 64, 64],
      fortran: 'False',
    });
    t.ok(Buffer.from(floats.buffer).equals(full.data));

    const half = await get({ accept: 'application/x-npy' }, '?dtype=float16');
    const npy = readNpy(Buffer.from(await half.arrayBuffer()));
    t.equal(npy.descr, '<f2');
    const halves = readFloats(npy.data, 'float16');
    t.equal(halves.length, floats.length);
    t.ok(
      floats.every((value, i) => value === halves[i]),
      'kept as float16, so nothing is lost',
    );
  });

  t.test('all tensors as one file', async (t) => {
    const path = join(t.testdir(), 'embedding.safetensors');
    for (const dtype of ['float32', 'float16'] as const) {
      const response = await get({ accept: 'application/x-safetensors' }, `?dtype=${dtype}`);
      t.equal(response.headers.get('content-type'), 'application/x-safetensors');
      const file = Buffer.from(await response.arrayBuffer());
      t.equal(response.headers.get('content-length'), `${file.length}`);
      t.equal((8 + Number(file.readBigUInt64LE(0))) % 8, 0);
      writeFileSync(path, file);
      const checkpoint = openCheckpoint(path);
      const raw = await get({ accept: 'application/octet-stream' });
      const right = new Float32Array(await raw.arrayBuffer());
      const tensor = checkpoint.tensors.get('image_embeddings');
      t.same(tensor?.shape, [1, 256, 64, 64]);
      t.ok(
        tensor?.read().every((value, i) => value === right[i]),
        dtype,
      );
    }
  });

  t.test('other types', async (t) => {
    await problem(t, await get({ accept: 'text/html' }), 406, 'not-acceptable');
    await problem(t, await get({}, '?dtype=int8'), 400, 'invalid-request');
  });

  t.test('dropped', async (t) => {
    t.equal((await get({}, '', 'DELETE')).status, 204);
    await problem(t, await get(), 404, 'embedding-not-found');
    t.equal((await get({}, '', 'HEAD')).status, 404);
    await problem(t, await get({}, '', 'DELETE'), 404, 'embedding-not-found');
  });
});
