import t from 'tap';
import { variant } from '../../attack/images.js';
import { checkerboards } from '../../attack/siege/outlines.js';
import { logitsOf } from '../../attack/siege/unread.js';
import { head, post, type Target, Wire } from '../../attack/wire.js';
import {
  type Attacked,
  allZero,
  attacked,
  growthDuring,
  longestPause,
} from '../attack/fixtures/attacked.js';

const MIB = 2 ** 20;

/** Asks on `count` connections, of which nobody reads; waits until all answers have begun. */
async function unreadOn(
  count: number,
  target: Target,
  start: (target: Target) => string,
): Promise<Wire[]> {
  const wires = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      Wire.open({ ...target, from: `127.0.0.${2 + (i % 8)}` }),
    ),
  );
  for (const wire of wires) await wire.send(start(target));
  await Promise.all(wires.map((wire) => wire.status()));
  return wires;
}

function asking(path: string, body: object, accept: string) {
  return ({ id }: Target) => {
    const text = JSON.stringify({ embedding_id: id, ...body });
    const fields = { 'content-type': 'application/json', 'content-length': text.length, accept };
    return head('POST', path, fields) + text;
  };
}

/** What answers nobody reads cost, in MiB, and that clicks go on beside them. */
async function costOf(
  t: Attacked,
  count: number,
  start: (target: Target) => string,
): Promise<{ grown: number; click: number }> {
  let wires: Wire[] = [];
  let click = 0;
  const grown = await growthDuring(t, async () => {
    wires = await unreadOn(count, t.target, start);
    ({ status: click } = await t.honest.decode(t.target.id, { box: [40, 40, 140, 140] }));
  });
  for (const wire of wires) wire.close();
  return { grown, click };
}

t.test('no answer is made before it is taken', async (t) => {
  const service = await attacked(t);
  const { target, honest } = service;

  const quiet = await longestPause(service, () => honest.embed(variant('quiet')));
  // The least first: what a process has had for one it does not give back for the next.
  const requests: [
    name: string,
    count: number,
    limit: number,
    start: (target: Target) => string,
  ][] = [
    [
      'tensors',
      30,
      90,
      ({ id }) => head('GET', `/embeddings/${id}`, { accept: 'application/x-npy' }),
    ],
    [
      'many tensors asked for at once',
      3,
      60,
      ({ id }) => {
        const fields = { accept: 'application/octet-stream', connection: 'keep-alive' };
        return head('GET', `/embeddings/${id}`, fields).repeat(20);
      },
    ],
    // Of which the first makes the file that all share.
    ['the decoder', 8, 100, () => head('GET', '/models/mobile_sam/decoder.onnx')],
    ['logits', 6, 150, asking('/decode', logitsOf(16), '*/*')],
    ['logits as parts', 6, 150, asking('/decode', logitsOf(16), 'multipart/mixed')],
  ];
  for (const [name, count, limit, start] of requests) {
    await t.test(`${name}, of which nobody reads`, async (t) => {
      const { grown, click } = await costOf(service, count, start);
      t.ok(grown < limit, `${grown} MiB on ${count} connections`);
      t.equal(click, 200);
      await allZero(t, service);
    });
  }

  await t.test('outlines as long as they can be', async (t) => {
    for (const [accept, fields] of [
      ['*/*', { format: 'geojson' }],
      ['application/geo+json', { format: 'geojson' }],
      ['multipart/mixed', { format: 'geojson', simplify: 0.01 }],
      ['*/*', { format: 'polygon', transform: undefined }],
    ] as const) {
      let status = 0;
      const longest = await longestPause(service, async () => {
        const body = { embedding_id: target.id, ...checkerboards(3, fields) };
        ({ status } = await post(target, '/decode', body, accept));
      });
      t.match(String(status), /^(200|413)/, `${fields.format} as ${accept}`);
      t.ok(longest < 200 + 2 * quiet, `the event loop stands for ${longest} ms`);
    }
    await allZero(t, service);
  });

  await t.test('as many masks as may be asked for', async (t) => {
    // Forty of these were more than a string can hold.
    const body = { embedding_id: target.id, ...checkerboards(40, { format: 'geojson' }) };
    const wire = await Wire.open(target);
    const text = JSON.stringify(body);
    const fields = { 'content-type': 'application/json', 'content-length': text.length };
    let status = 0;
    const grown = await growthDuring(service, async () => {
      await wire.send(head('POST', '/decode', fields) + text);
      status = await wire.status();
    });
    wire.close();
    t.match(String(status), /^(200|413)/);
    t.ok(grown < 300, `${grown} MiB for ${Math.round(text.length / MIB)} MiB of prompts`);
    await allZero(t, service);
  });
});
