import sharp from 'sharp';
import t from 'tap';
import { decompress } from '#src/masks/formats/rle.js';
import { iouOfRuns, runsOf } from '../fixtures/bitmap.js';
import { generate, shareFound } from '../fixtures/generator.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, type Service, startService } from '../fixtures/service.js';

/** Points of a grid's side. */
const SIDE = 6;
const NDJSON = { accept: 'application/x-ndjson' };

interface Mask {
  readonly segmentation: { readonly size: number[]; readonly counts: string };
  readonly area: number;
  readonly bbox: readonly number[];
  readonly predicted_iou: number;
  readonly stability_score: number;
  readonly point_coords: readonly (readonly number[])[];
  readonly crop_box: readonly number[];
}
interface Embedded {
  readonly embedding_id: string;
  readonly width: number;
  readonly height: number;
}
type Event = {
  readonly type: string;
  readonly id?: number;
  readonly ids?: number[];
} & Partial<Mask>;

const runs = (masks: readonly Mask[]) =>
  masks.map(({ segmentation }) => decompress(segmentation.counts));
const events = async (response: Response) =>
  (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);

async function embed({ post }: Service, file: Uint8Array): Promise<Embedded> {
  return (await (await post('/embed', form(file))).json()) as Embedded;
}

async function tensorOf({ url }: Service, { embedding_id }: Embedded): Promise<Float32Array> {
  const headers = { accept: 'application/octet-stream' };
  const response = await fetch(`${url}/embeddings/${embedding_id}`, { headers });
  return new Float32Array(await response.arrayBuffer());
}

// A few hundred points and six embeddings take their time on a machine that does other things too.
t.setTimeout(600_000);

t.test('everything mode', async (t) => {
  const service = await startService(t, {
    SAM_EVERYTHING_RUNS: '1',
    SAM_EVERYTHING_POINTS: '1100',
  });
  const { post, url } = service;
  const picture = scene(1);
  const photograph = await draw(picture);
  const embedded = await embed(service, photograph);
  const { embedding_id, width, height } = embedded;
  const everything = (fields: object, headers = {}) =>
    post('/everything', { embedding_id, ...fields }, headers);
  const masksOf = async (response: Response) =>
    ((await response.json()) as { masks: Mask[] }).masks;
  const masks = await masksOf(await everything({ points_per_side: SIDE }));

  t.test('finds what the reference finds', async (t) => {
    const expected = await generate(await tensorOf(service, embedded), { width, height }, SIDE);
    t.equal(shareFound(expected, runs(masks)), 1, `all of ${expected.length}`);
    t.equal(shareFound(runs(masks), expected), 1, `${masks.length}, and no more`);
    for (const { name, inside } of picture.shapes) {
      const truth = runsOf(width, height, inside);
      t.ok(Math.max(...runs(masks).map((mask) => iouOfRuns(mask, truth))) > 0.9, name);
    }
  });

  t.test('answers as SamAutomaticMaskGenerator does', async (t) => {
    for (const mask of masks) {
      t.same(Object.keys(mask).sort(), [
        ...['area', 'bbox', 'crop_box', 'point_coords'],
        ...['predicted_iou', 'segmentation', 'stability_score'],
      ]);
      const [[x, y]] = mask.point_coords as [[number, number]];
      for (const place of [(x * SIDE) / width, (y * SIDE) / height]) {
        t.ok(Math.abs((place % 1) - 0.5) < 1e-9, 'a point of the grid');
      }
      t.same(mask.crop_box, [0, 0, width, height]);
      t.ok(mask.predicted_iou > 0.88 && mask.stability_score >= 0.95);
      const [counts] = runs([mask]) as [number[]];
      t.equal(
        mask.area,
        counts.reduce((sum, run, i) => sum + (i % 2 ? run : 0), 0),
      );
    }
    const scores = masks.map(({ predicted_iou }) => predicted_iou);
    t.same(
      scores,
      scores.toSorted((a, b) => b - a),
    );
  });

  t.test('tells what it finds as it finds it', async (t) => {
    const response = await everything({ points_per_side: SIDE }, NDJSON);
    t.equal(response.headers.get('content-type'), NDJSON.accept);
    const told = await events(response);
    t.match(told[0], { type: 'start', embedding_id, width, height });
    const known = new Map<number, Mask>();
    for (const { type, id, ids, ...mask } of told) {
      if (type === 'mask') known.set(id as number, mask as Mask);
      if (type === 'removed') for (const each of ids ?? []) t.ok(known.delete(each), 'was told');
    }
    const done = told.at(-1) as Event;
    t.equal(done.type, 'done');
    t.same(new Set(done.ids), new Set(known.keys()), 'what is left of it');
    t.same(
      done.ids?.map((id) => known.get(id)),
      masks,
      'is the answer',
    );
    const points = told.flatMap((event) =>
      event.type === 'progress' ? [Number(Object(event).points)] : [],
    );
    t.same([points[0], points.at(-1)], [2, 36], 'from the first points to the last');
    t.same(
      points.toSorted((a, b) => a - b),
      points,
    );
    const firstMask = told.findIndex(({ type }) => type === 'mask');
    t.ok(firstMask < told.findIndex(({ type }) => type === 'progress') + 2, 'early');
  });

  t.test('a part of the points finds the same', async (t) => {
    const fields = { points_per_side: 9, strategy: 'adaptive' };
    const found = await masksOf(await everything(fields));
    for (const { name, inside } of picture.shapes) {
      const truth = runsOf(width, height, inside);
      t.ok(Math.max(...runs(found).map((mask) => iouOfRuns(mask, truth))) > 0.9, name);
    }
    const told = await events(await everything(fields, NDJSON));
    const known = new Map(told.map(({ type: _, id, ...mask }) => [id, mask as Mask]));
    t.same(
      told.at(-1)?.ids?.map((id) => known.get(id)),
      found,
      'with the same points each time',
    );
    t.same(
      told.filter(({ type }) => type === 'progress').map((event) => ({ ...event })),
      [16, 23].map((points) => ({ type: 'progress', points, of: 23 })),
    );
    for (const { point_coords } of found) {
      const [[x, y]] = point_coords as [[number, number]];
      for (const place of [(x * 9) / width, (y * 9) / height]) {
        t.ok(Math.abs((place % 1) - 0.5) < 1e-9, 'a point of the grid');
      }
    }
  });

  t.test('a click does not wait for all of it', async (t) => {
    const running = everything({ points_per_side: 6, points_per_batch: 3 });
    const click = { embedding_id, box: picture.shapes[0]?.box };
    const order: string[] = [];
    const long = running.then((response) => response.json()).then(() => order.push('everything'));
    // A run takes the only worker at once; there are 12 parts of it.
    for (let i = 0; i < 3; i++) t.equal((await post('/decode', click)).status, 200);
    order.push('three clicks');
    await long;
    t.same(order, ['three clicks', 'everything']);
  });

  t.test('who leaves stops it', async (t) => {
    const leaving = new AbortController();
    const response = await fetch(`${url}/everything`, {
      method: 'POST',
      body: JSON.stringify({ embedding_id, points_per_side: 32 }),
      headers: { 'content-type': 'application/json', ...NDJSON },
      signal: leaving.signal,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    await problem(t, await everything({ points_per_side: 1 }), 503, 'overloaded');
    leaving.abort();
    // Its place is free long before its 64 parts are done.
    const start = performance.now();
    let status = 503;
    for (let tries = 0; status === 503 && tries < 500; tries++) {
      const next = await everything({ points_per_side: 1 });
      status = next.status;
      await next.arrayBuffer();
    }
    t.equal(status, 200, `after ${Math.round(performance.now() - start)} ms`);
  });

  t.test('crops', async (t) => {
    const fields = { points_per_side: 3, crop_n_layers: 1, crop_n_points_downscale_factor: 1 };
    const response = await post('/everything', form(photograph, fields));
    const cropped = await masksOf(response);
    // An overlap of 512/1500 * 300 = 102 pixels; crops of (102 + 400) / 2 by (102 + 300) / 2.
    const boxes = [[0, 0, 400, 300]];
    for (const x of [0, 149]) for (const y of [0, 99]) boxes.push([x, y, 251, 201]);
    for (const { crop_box, bbox } of cropped) {
      t.ok(
        boxes.some((box) => String(box) === String(crop_box)),
        String(crop_box),
      );
      const [left, top, w, h] = crop_box as [number, number, number, number];
      const [x, y, boxWidth, boxHeight] = bbox as [number, number, number, number];
      t.ok(x >= left && y >= top && x + boxWidth <= left + w && y + boxHeight <= top + h);
    }
    t.ok(
      cropped.some(({ crop_box }) => crop_box[2] === 251),
      'some were found in crops',
    );
    const disc = runsOf(width, height, picture.shapes[0]?.inside ?? (() => false));
    t.ok(Math.max(...runs(cropped).map((mask) => iouOfRuns(mask, disc))) > 0.9, 'in its place');
  });

  t.test('small regions', async (t) => {
    const fields = { points_per_side: 3, min_mask_region_area: 100 };
    const tidied = await masksOf(await everything(fields));
    const told = await events(await everything(fields, NDJSON));
    const known = new Map(told.map(({ type: _, id, ...mask }) => [id, mask as Mask]));
    t.same(
      tidied,
      told.at(-1)?.ids?.map((id) => known.get(id)),
    );
    t.ok(tidied.length > 0 && tidied.length <= masks.length);
  });

  t.test('other formats, and a picture', async (t) => {
    const answer = (await (await everything({ points_per_side: 2, format: 'polygon' })).json()) as {
      masks: { segmentation: { polygons: number[][][] } }[];
    };
    t.ok(answer.masks.every(({ segmentation }) => segmentation.polygons.length > 0));
    const overlay = await post('/everything?overlay=1', form(photograph, { points_per_side: 2 }));
    t.equal(overlay.headers.get('content-type'), 'image/png');
    const { info } = await sharp(Buffer.from(await overlay.arrayBuffer()))
      .raw()
      .toBuffer({ resolveWithObject: true });
    t.match(info, { width, height });
  });

  t.test('one collection of features, and a COCO file', async (t) => {
    const fields = { points_per_side: 2 };
    const plain = await masksOf(await everything(fields));
    t.ok(plain.length > 0);
    const collection = await everything(fields, { accept: 'application/geo+json' });
    t.equal(collection.headers.get('content-type'), 'application/geo+json');
    t.equal(collection.headers.get('x-embedding-id'), embedding_id);
    const { type, features } = (await collection.json()) as {
      type: string;
      features: { type: string; geometry: object; properties: Record<string, unknown> }[];
    };
    t.equal(type, 'FeatureCollection');
    t.same(
      features.map(({ properties }) => properties),
      plain.map(({ segmentation: _, ...said }) => said),
    );
    const coco = await (await everything({ ...fields, format: 'coco' })).json();
    t.same(coco, {
      images: [{ id: 1, file_name: embedding_id, width, height }],
      categories: [{ id: 1, name: 'object' }],
      annotations: plain.map((mask, i) => ({
        ...{ id: i + 1, image_id: 1, category_id: 1, iscrowd: 0 },
        ...mask,
      })),
    });
    for (const [format, headers] of [
      ['png', { accept: 'application/geo+json' }],
      ['coco', NDJSON],
    ] as const) {
      await problem(t, await everything({ ...fields, format }, headers), 406, 'not-acceptable');
    }
  });

  t.test('bad requests', async (t) => {
    for (const [status, slug, fields] of [
      [400, 'invalid-request', { crop_n_layers: 1 }],
      [400, 'invalid-request', { points_per_side: 0 }],
      [400, 'invalid-request', { points_per_side: 2.5 }],
      [400, 'invalid-request', { pred_iou_thresh: 2 }],
      [400, 'invalid-request', { format: 'cutout' }],
      [400, 'invalid-request', { points: 3 }],
      [400, 'invalid-request', { simplify: 2 }],
      [413, 'too-many-prompts', { points_per_side: 34 }],
      [404, 'embedding-not-found', { embedding_id: `mobile_sam:${'0'.repeat(64)}` }],
    ] as const) {
      await problem(t, await everything(fields), status, slug);
    }
    await problem(t, await everything({}, { accept: 'text/html' }), 406, 'not-acceptable');
    await problem(t, await post('/everything', form(photograph, { x: 1 })), 400, 'invalid-request');
    await problem(t, await post('/everything?overlay=1', { embedding_id }), 400, 'invalid-request');
  });
});
