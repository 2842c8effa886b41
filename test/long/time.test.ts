import sharp from 'sharp';
import t from 'tap';
import { bomb, PICTURE, variant } from '../../attack/images.js';
import { sendBase64 } from '../../attack/siege/base64.js';
import { boxes, segment } from '../../attack/siege/drawings.js';
import { ZERO_THRESHOLDS } from '../../attack/siege/everything.js';
import { upload } from '../../attack/siege/files.js';
import { checkerboards } from '../../attack/siege/outlines.js';
import { commentBomb, frameBomb, scanBomb } from '../../attack/structures.js';
import { head, post, Wire } from '../../attack/wire.js';
import { type Attacked, allZero, attacked, longestPause } from '../attack/fixtures/attacked.js';

/**
 * What half of the clicks take at most, in milliseconds, one after the other until `work` has ended or `ms` are over.
 * Not what the longest takes: the machine itself may stand still for a second.
 */
async function clicksBeside({ honest, target }: Attacked, work: Promise<unknown>, ms: number) {
  let over = false;
  const end = performance.now() + ms;
  work.finally(() => {
    over = true;
  });
  const statuses = new Set<number>();
  const times: number[] = [];
  while (!over && performance.now() < end) {
    const reply = await honest.decode(target.id, { box: [40, 40, 140, 140] });
    statuses.add(reply.status);
    times.push(reply.ms);
  }
  const median = times.sort((a, b) => a - b)[times.length >> 1] ?? Number.POSITIVE_INFINITY;
  return { median: Math.round(median), statuses: [...statuses] };
}

t.test('every second of a worker has an owner', async (t) => {
  const service = await attacked(t, { SAM_IMAGE_TIMEOUT_MS: '2000' });
  const { honest, target } = service;
  const large = await sharp(PICTURE).resize(4000, 3000).jpeg().toBuffer();
  const { status, body } = await honest.embed(large);
  t.equal(status, 201);
  const { embedding_id } = JSON.parse(String(body));
  let uploads = 0;

  // What the machine does with honest requests: how long the others may take is told by that.
  let embedMs = 0;
  const quiet = await longestPause(service, async () => {
    embedMs = (await honest.embed(variant('alone'))).ms;
  });
  const sixteen = Array(16).fill({ box: [40, 40, 140, 140] });
  // Asked for anew wherever it is compared with: a machine is not always as fast.
  const slice = async () => (await honest.decode(embedding_id, { prompts: sixteen })).ms;

  await t.test('of image files that are long in the telling', async (t) => {
    const files: [name: string, file: Buffer][] = [
      ['scans of a JPEG', scanBomb(500, 7000)],
      ['frames of a WebP', await frameBomb(30_000)],
      ['comments of a JPEG', await commentBomb(200_000)],
    ];
    for (const [name, file] of files) {
      const start = performance.now();
      let ms = 0;
      const slow = upload(target, file).finally(() => {
        ms = Math.round(performance.now() - start);
      });
      const beside = await honest.embed(variant(`beside ${uploads++}`));
      t.ok(beside.status < 300, `an upload beside ${name} is embedded, not ${beside.status}`);
      const { status } = await slow;
      t.match(String(status), /^(20|4)/, name);
      t.ok(ms < 2000 + 3 * embedMs, `${name}: answered within ${ms} ms`);
    }
    await allZero(t, service);
  });

  await t.test('of everything, all its masks written out', async (t) => {
    for (const [format, fields] of [
      ['png', {}],
      ['rle', { min_mask_region_area: 100 }],
      ['labelstudio_rle', {}],
    ] as const) {
      const request = { ...ZERO_THRESHOLDS, points_per_side: 6, format, ...fields };
      const text = JSON.stringify({ embedding_id, ...request });
      const before = await slice();
      const wire = await Wire.open(target);
      const fieldsOf = { 'content-type': 'application/json', 'content-length': text.length };
      const answer = wire.answer();
      await wire.send(head('POST', '/everything', fieldsOf) + text);
      const { median, statuses } = await clicksBeside(service, answer, 4000);
      t.same(statuses, [200], `clicks beside ${format}`);
      // Whoever leaves stops the work.
      const left = performance.now();
      wire.close();
      await allZero(t, service);
      const ms = Math.round(performance.now() - left);
      const sliceMs = Math.max(before, await slice());
      t.ok(median < 500 + 2 * sliceMs, `clicks wait ${median} ms beside ${format}`);
      t.ok(ms < 1000 + 2 * sliceMs, `${ms} ms until the lane is free`);
    }
  });

  await t.test('of pictures that are drawn on', async (t) => {
    const side = 4000;
    const file = await bomb(side, side);
    for (const [path, fields] of [
      ['/segment?overlay=1', { prompts: boxes(20, side) }],
      ['/segment', { prompts: boxes(4, side), format: 'cutout' }],
    ] as const) {
      const slow = segment({ ...target, from: '127.0.0.3' }, path, file, fields);
      const beside = await honest.embed(variant(`beside ${uploads++}`));
      t.ok(
        beside.status < 300 && beside.ms < 2000 + 3 * embedMs,
        `${beside.status} in ${beside.ms} ms`,
      );
      const pause = await longestPause(service, async () => {
        t.match(String((await slow).status), /^(200|413|503|504)/, path);
      });
      t.ok(pause < 200 + 2 * quiet, `the event loop stands for ${pause} ms`);
    }
    await allZero(t, service);
  });

  await t.test('of text that is not quite base64', async (t) => {
    for (const unit of ['A ', 'A\\n', '\\u0041', '%', '=']) {
      const text = Buffer.from(unit.repeat(Math.floor(12e6 / unit.length)));
      const pause = await longestPause(service, async () => {
        t.match(String((await sendBase64(target, text)).status), /^4/);
      });
      t.ok(pause < 200 + 2 * quiet, `the event loop stands for ${pause} ms because of ${unit}`);
    }
    await allZero(t, service);
  });

  await t.test('of outlines that are hard to simplify, and islands that are removed', async (t) => {
    for (const fields of [
      { format: 'polygon', simplify: 300, transform: undefined },
      { format: 'svg', min_area: 1000, transform: undefined },
      { format: 'labelstudio_rle', transform: undefined },
    ]) {
      const before = await slice();
      const work = post(target, '/decode', { embedding_id, ...checkerboards(4, fields) });
      const { median, statuses } = await clicksBeside(service, work, 4000);
      t.same(statuses, [200], `clicks beside ${fields.format}`);
      t.match(String((await work).status), /^(200|413|503|504)/);
      const sliceMs = Math.max(before, await slice());
      t.ok(median < 500 + 2 * sliceMs, `clicks wait ${median} ms beside ${fields.format}`);
    }
    await allZero(t, service);
  });

  await t.test('of grids that are too fine', async (t) => {
    for (const fields of [
      { points_per_side: 1e9 },
      { points_per_side: 128 },
      { points_per_batch: 1e6 },
      { crop_n_layers: 3, points_per_side: 64 },
      { min_mask_region_area: -1 },
    ]) {
      const start = performance.now();
      const { status } = await post(target, '/everything', { embedding_id, ...fields });
      t.match(String(status), /^4/, JSON.stringify(fields));
      t.ok(performance.now() - start < 1000);
    }
    await allZero(t, service);
  });
});
