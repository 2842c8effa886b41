import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import type { MeasuredObject } from '#src/evaluate/measured.js';
import type { Results } from '#src/evaluate/results.js';
import { readGolden, skipGolden } from '../fixtures/golden.js';
import { type Service, sharedService } from '../fixtures/service.js';

const CLI = fileURLToPath(new URL('../../dist/evaluate-cli.js', import.meta.url));
const REFERENCE = fileURLToPath(new URL('../../../shared/reference', import.meta.url));
const GOLDEN = readGolden().find(({ name }) => name.startsWith('groceries'));

t.setTimeout(600_000);

/** As the service beside it has it: sums in another order end in other bits. */
const env = { ...process.env, SAM_ENCODE_THREADS: '1', SAM_DECODE_WORKERS: '1' };

async function evaluate(...options: string[]) {
  const run = promisify(execFile)(process.execPath, [CLI, ...options], { env });
  return run.catch((error: Error & { stderr: string; stdout: string }) => error);
}

/** Row by row, from column-major runs. */
function pixelsOf(counts: readonly number[], width: number, height: number): boolean[] {
  const column = counts.flatMap((count, i) => Array<boolean>(count).fill(i % 2 === 1));
  return Array.from({ length: width * height }, (_, at) => {
    return column[(at % width) * height + Math.floor(at / width)] as boolean;
  });
}

/** The mask of highest predicted IoU, and what its pixels have in common with a label's. */
async function askedByHand(service: Service, id: string, prompt: object, label: boolean[]) {
  const body = { embedding_id: id, format: 'rle_counts', ...prompt };
  const { results, width, height } = (await (await service.post('/decode', body)).json()) as {
    width: number;
    height: number;
    results: { masks: { predicted_iou: number; segmentation: { counts: number[] } }[] }[];
  };
  const scores = (results[0]?.masks ?? []).map(({ predicted_iou, segmentation }) => {
    const mask = pixelsOf(segmentation.counts, width, height);
    const both = mask.filter((is, i) => is && label[i]).length;
    const either = mask.filter((is, i) => is || label[i]).length;
    return { predicted_iou, iou: both / either };
  });
  return scores;
}

t.test('the reference photograph with its golden masks', { skip: skipGolden }, async (t) => {
  if (!GOLDEN) throw new Error('the photograph is gone');
  const { width, height, cases, photograph } = GOLDEN;
  const masks = cases.flatMap((one) => one.masks).slice(3, 6);
  const folder = t.testdir({});
  const [coco, json, report] = ['coco.json', 'out.json', 'out.html'].map((f) =>
    join(folder, f),
  ) as [string, string, string];
  const annotations = masks.map((counts, i) => ({
    ...{ id: i + 1, image_id: 1, category_id: 1, iscrowd: 0 },
    segmentation: { size: [height, width], counts },
  }));
  const crowd = { id: 9, image_id: 1, iscrowd: 1, segmentation: {} };
  const images = [{ id: 1, file_name: 'groceries.jpg', width, height }];
  writeFileSync(coco, JSON.stringify({ images, annotations: [...annotations, crowd] }));
  const service = await sharedService(t);
  const data = ['--coco', coco, '--images', REFERENCE, '--limit', '1'];
  const options = [...data, '--url', service.url, '--json', json, '--report', report];
  const { stdout, stderr } = await evaluate(...options);
  t.match(stdout, /mobile_sam: 1 object of .*coco\.json/);
  t.match(stdout, /oracle of three +\d+\.\d/);
  t.match(stderr, /1 +is a crowd/);
  t.strictSame(readdirSync(folder).sort(), ['coco.json', 'out.html', 'out.json']);
  const results = JSON.parse(readFileSync(json, 'utf8')) as Results;
  const [model] = results.models;
  t.equal(model?.objects.length, 1);

  const embedded = await service.post('/embed', readFileSync(photograph), {
    'content-type': 'image/jpeg',
  });
  const { embedding_id } = (await embedded.json()) as { embedding_id: string };
  for (const [i, object] of (model?.objects ?? ([] as MeasuredObject[])).entries()) {
    const label = pixelsOf(masks[i] as number[], width, height);
    const inside = label.flatMap((is, at) => (is ? [[at % width, Math.floor(at / width)]] : []));
    const [xs, ys] = [0, 1].map((axis) => inside.map((at) => at[axis] as number)) as [
      number[],
      number[],
    ];
    const low = (all: number[]) => all.reduce((a, b) => Math.min(a, b));
    const high = (all: number[]) => all.reduce((a, b) => Math.max(a, b)) + 1;
    const box = [low(xs), low(ys), high(xs), high(ys)];
    t.strictSame(object.box.prompt, box);
    const near = (score: object | undefined, expected: object | undefined, about: string) =>
      t.match(score, expected ?? 'an answer', `${about} of ${object.id}`);
    near(object.box, (await askedByHand(service, embedding_id, { box }, label))[0], 'box');

    const { clicks } = object.clicks;
    const [first, second] = clicks.map(([x, y]) => [x, y]);
    const point = { point_coords: [first], point_labels: [1] };
    const three = await askedByHand(service, embedding_id, point, label);
    near(object.point, three[0], 'point');
    near(object.oracle, three.toSorted((a, b) => b.iou - a.iou)[0], 'oracle');
    const two = { point_coords: [first, second], point_labels: [1, clicks[1]?.[2]] };
    const [answer] = await askedByHand(service, embedding_id, two, label);
    t.equal(object.clicks.iou[1], answer?.iou, 'two clicks');
  }
  const html = readFileSync(report, 'utf8');
  t.match(html, /<svg viewBox/);
  t.notMatch(html, /<script|https?:/, 'it loads nothing and runs nothing');

  await t.test('in process it is the same, to the byte but for where', async (t) => {
    const own = join(folder, 'own.json');
    await evaluate(...data, '--json', own);
    const found = JSON.parse(readFileSync(own, 'utf8')) as Results;
    t.strictSame({ ...found, service: results.service }, results);
  });
});

t.test('what cannot be is refused, and leaves nothing behind', async (t) => {
  const folder = t.testdir({ 'a.jpg': '', 'coco.json': '{"images":[],"annotations":[{"id":1}]}' });
  const coco = ['--coco', join(folder, 'coco.json'), '--images', folder];
  const out = join(folder, 'out.json');
  const cases: [RegExp, string[]][] = [
    [/Unknown option '--cocoa'/, ['--cocoa']],
    [/--images and one of --coco and --masks are needed/, ['--images', folder]],
    [/--limit 0: give a whole number from 1 on/, [...coco, '--limit', '0']],
    [/has no object that can be evaluated\n.*\n +1 +image is missing/, [...coco, '--json', out]],
    [/there is no folder/, [...coco, '--json', join(folder, 'gone', 'out.json')]],
  ];
  await Promise.all(
    cases.map(async ([expected, options]) => {
      const ended = (await evaluate(...options)) as { stderr: string; code?: number };
      t.match(ended.stderr, expected);
      t.equal(ended.code, 1);
      t.notMatch(ended.stderr, /\n +at /, 'without a stack');
    }),
  );
  t.notOk(existsSync(out));
  t.notOk(existsSync(`${out}.progress`));
});
