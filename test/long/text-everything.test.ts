import { readFileSync } from 'node:fs';
import t from 'tap';
import { decompress } from '#src/masks/formats/rle.js';
import { iouOfRuns } from '../fixtures/bitmap.js';
import { fillDetectorFolder } from '../fixtures/detector.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, sharedService, startService } from '../fixtures/service.js';
import { expected, referenceHeads, referencePath, skip } from '../owl/fixtures/reference.js';

type Box = readonly [number, number, number, number];
interface Mask {
  readonly segmentation: { readonly counts: string };
  readonly bbox: Box;
  readonly predicted_iou: number;
  readonly stability_score: number;
  readonly point_coords: readonly unknown[];
  readonly label?: string;
  readonly text_score?: number;
  readonly box?: Box;
  readonly objectness?: number;
}
interface Answer {
  readonly embedding_id: string;
  readonly masks: readonly Mask[];
  readonly warnings?: readonly string[];
}

const PHRASES = skip ? [] : expected().text.map(({ text }) => text);
/** Few points and weak thresholds: it is about names, which masks of any kind have. */
const FIELDS = { points_per_side: 4, pred_iou_thresh: 0.5, stability_score_thresh: 0.5 };
const NDJSON = { accept: 'application/x-ndjson' };

function iou(a: Box, b: Box): number {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = ([x1, y1, x2, y2]: Box) => (x2 - x1) * (y2 - y1);
  return (width * height) / (area(a) + area(b) - width * height);
}

/** The name of a mask, by the rule of the documents from what the reference finds without suppression. */
function nameOf(
  { bbox: [x, y, w, h] }: Mask,
  found: readonly { box: Box; label: number; score: number }[],
) {
  const fitting = found.filter(({ box }) => iou(box, [x, y, x + w, y + h]) > 0.5);
  return fitting.toSorted((a, b) => b.score - a.score)[0];
}

t.setTimeout(600_000);

t.test('everything mode with a model that reads texts', { skip }, async (t) => {
  const folder = t.testdir();
  fillDetectorFolder(folder);
  const service = await startService(t, {
    SAM_MODELS_DIR: folder,
    SAM_TEXT_MODEL: 'small_owl',
    SAM_MAX_TEXTS: '8',
    SAM_CACHE_DTYPE: 'float32',
  });
  const { post } = service;
  const photo = readFileSync(referencePath('truck.jpg'));
  const { width, height, ...right } = expected().photos['truck.jpg'] as NonNullable<
    ReturnType<typeof expected>['photos'][string]
  >;
  const answerOf = async (response: Promise<Response>): Promise<Answer> => {
    const answer = await response;
    const body = await answer.text();
    if (answer.status !== 200) throw new Error(`${answer.status}: ${body.slice(0, 500)}`);
    return JSON.parse(body);
  };
  const labels = PHRASES;
  const whole = await answerOf(post('/everything', form(photo, { ...FIELDS, labels })));
  const { embedding_id } = whole;
  const ask = (fields: object, headers = {}) =>
    post('/everything', { embedding_id, ...FIELDS, ...fields }, headers);

  await t.test('names each mask by its best phrase, or leaves it unnamed', async (t) => {
    const found = right['post_process_0.1'].map((each) => ({
      ...each,
      box: [
        Math.max(0, each.box[0]),
        Math.max(0, each.box[1]),
        Math.min(width, each.box[2]),
        Math.min(height, each.box[3]),
      ] as const,
    }));
    const named = whole.masks.filter(({ label }) => label !== undefined);
    t.ok(named.length > 0, `${named.length} of ${whole.masks.length} have a name`);
    t.ok(named.length < whole.masks.length, 'and some have none');
    for (const mask of whole.masks) {
      const best = nameOf(mask, found);
      t.equal(mask.label, best && labels[best.label]);
      if (best) t.ok(Math.abs((mask.text_score ?? 0) - best.score) <= 1e-4);
      else t.notOk('text_score' in mask);
    }
    const strict = await answerOf(ask({ labels, text_threshold: 1 }));
    t.ok(strict.masks.every(({ label }) => label === undefined));
    const plain = await answerOf(ask({}));
    const bare = ({ label: _, text_score: __, ...mask }: Mask) => mask;
    t.same(plain.masks, whole.masks.map(bare), 'the masks are those without labels');
  });

  await t.test('in events, collections and COCO files as well', async (t) => {
    const lines = (await (await ask({ labels }, NDJSON)).text()).trim().split('\n');
    const events = lines.map((line) => JSON.parse(line));
    const told = new Map(
      events.filter(({ type }) => type === 'mask').map((each) => [each.id, each]),
    );
    const done = events.at(-1);
    t.equal(done.type, 'done');
    t.same(
      done.ids.map((id: number) => told.get(id).label),
      whole.masks.map(({ label }) => label),
    );
    const geojson = await ask({ labels }, { accept: 'application/geo+json' });
    const { features } = (await geojson.json()) as { features: { properties: Mask }[] };
    t.same(
      features.map(({ properties }) => properties.label),
      whole.masks.map(({ label }) => label),
    );
    const coco = (await (await ask({ labels, format: 'coco' })).json()) as {
      categories: { id: number; name: string }[];
      annotations: (Mask & { category_id: number })[];
    };
    t.same(
      coco.categories.map(({ name }) => name),
      ['object', ...labels],
    );
    const names = new Map(coco.categories.map(({ id, name }) => [id, name]));
    t.same(
      coco.annotations.map(({ category_id }) => names.get(category_id)),
      whole.masks.map(({ label = 'object' }) => label),
    );
    const yolo = await answerOf(ask({ labels, format: 'yolo' }));
    for (const mask of yolo.masks) {
      const place = mask.label === undefined ? labels.length : labels.indexOf(mask.label);
      const { yolo } = mask.segmentation as unknown as { yolo: string };
      t.ok(yolo.startsWith(`${place} `), `${mask.label}: ${yolo.slice(0, 9)}`);
    }
  });

  await t.test('starts from the boxes that most likely hold anything', async (t) => {
    const fields = {
      ...{ embedding_id, proposals: 'objectness', box_nms_thresh: 1, max_detections: 10 },
      ...{ pred_iou_thresh: 0, stability_score_thresh: 0 },
    };
    const { masks } = await answerOf(post('/everything', fields));
    const order = masks.toSorted((a, b) => (b.objectness ?? 0) - (a.objectness ?? 0));
    const heads = referenceHeads('truck.jpg');
    const best = right.by_objectness.filter(({ patch }) => {
      const side = Math.max(width, height);
      const [cx = 0, cy = 0, w = 0, h = 0] = heads.slice(10 * patch + 5, 10 * patch + 9);
      return (
        (cx - w / 2) * side < width &&
        (cy - h / 2) * side < height &&
        cx + w / 2 > 0 &&
        cy + h / 2 > 0
      );
    });
    for (const [i, { objectness }] of best.entries()) {
      t.ok(Math.abs((order[i]?.objectness ?? 0) - objectness) <= 1e-4, `the objectness of ${i}`);
    }
    const prompts = masks.map(({ box }) => ({ box }));
    const plain = (await (await post('/decode', { embedding_id, prompts })).json()) as {
      results: { masks: Mask[] }[];
    };
    for (const [
      i,
      {
        masks: [mask],
      },
    ] of plain.results.entries()) {
      const { segmentation, predicted_iou, point_coords } = masks[i] as Mask;
      t.same(point_coords, []);
      t.ok(Math.abs(predicted_iou - (mask?.predicted_iou ?? 0)) < 1e-4);
      const same = iouOfRuns(
        decompress(segmentation.counts),
        decompress(mask?.segmentation.counts ?? ''),
      );
      t.ok(same > 0.999, 'its mask is that of its box');
    }
    const events = await (await post('/everything', { ...fields, labels }, NDJSON)).text();
    t.match(events, /"type":"progress","points":10,"of":10/);
    t.match(events, /"objectness":.*"label":/);
    const few = await answerOf(post('/everything', { ...fields, box_nms_thresh: 0.3 }));
    t.ok(few.masks.length > 0);
  });

  await t.test('what is wrong is told', async (t) => {
    const long = await answerOf(ask({ labels: ['a cat', 'a very long wheel '.repeat(1000)] }));
    t.match(long.warnings, [/too long and was cut/]);
    const { detail } = await problem(
      t,
      await post('/everything', form(await draw(scene(1)), { ...FIELDS, labels: ['a', ' '] })),
      422,
      'prompt-invalid',
    );
    t.match(detail, '/labels/1 has no words');
    await problem(t, await ask({ labels: new Array(10_000).fill('a') }), 413, 'too-many-prompts');
    for (const [fields, message] of [
      [{ text: 'a car' }, /everything has labels/],
      [{ proposals: true }, /must be "objectness"/],
      [{ proposals: 'boxes' }, /must be "objectness"/],
    ] as const) {
      const { errors } = await problem(t, await ask(fields), 400, 'invalid-request');
      t.match(errors, [{ message }]);
    }
    for (const [fields, path] of [
      [{ labels: [] }, '/labels'],
      [{ labels: 'a' }, '/labels'],
      [{ labels: [7] }, '/labels'],
      [{ labels: ['a'], text_threshold: 1.1 }, '/text_threshold'],
      [{ text_threshold: 0.5 }, '/text_threshold'],
      [{ templates: true }, '/templates'],
      [{ labels: ['a'], max_detections: 7 }, '/max_detections'],
      [{ proposals: 'x' }, '/proposals'],
      [{ proposals: 'objectness', points_per_side: 4 }, '/points_per_side'],
      [{ proposals: 'objectness', points_per_side: 32, crop_n_layers: 1 }, '/crop_n_layers'],
      [
        { proposals: 'objectness', points_per_side: 32, point_grids: [[[0.5, 0.5]]] },
        '/point_grids',
      ],
    ] as const) {
      const bad = await problem(t, await ask(fields), 400, 'invalid-request');
      t.match(bad['errors'], [{ path }], JSON.stringify(fields));
    }
    const picture = await draw(scene(2));
    const embedded = await (await post('/embed', form(picture))).json();
    const { embedding_id: id } = embedded as Answer;
    const without = await post('/everything', { embedding_id: id, labels: ['a'] });
    const { detail: missing } = await problem(t, without, 404, 'embedding-not-found');
    t.match(missing, /embed\?text=true/);
  });
});

t.test('without one, labels and proposals are told what is missing', async (t) => {
  const { post } = await sharedService(t);
  const picture = await draw(scene(1));
  for (const [fields, path] of [
    [{ labels: ['a wheel'] }, '/labels'],
    [{ proposals: 'objectness' }, '/proposals'],
  ] as const) {
    const { errors } = await problem(
      t,
      await post('/everything', form(picture, fields)),
      400,
      'invalid-request',
    );
    t.match(errors, [{ path, message: /SAM_TEXT_MODEL/ }]);
  }
});
