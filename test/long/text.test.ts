import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint } from '#src/checkpoint/checkpoint.js';
import { fillDetectorFolder } from '../fixtures/detector.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, type Service, sharedService, startService } from '../fixtures/service.js';
import { expected, referenceHeads, referencePath, skip } from '../owl/fixtures/reference.js';

interface Mask {
  readonly segmentation: unknown;
  readonly predicted_iou: number;
  readonly label: string;
  readonly text_score: number;
  readonly box: readonly number[];
}
interface Answer {
  readonly embedding_id: string;
  readonly results: readonly { readonly masks: readonly Mask[] }[];
  readonly warnings?: readonly string[];
  readonly timings: Readonly<Record<string, number>>;
}

const PHRASES = skip ? [] : expected().text.map(({ text }) => text);

async function answerOf(response: Promise<Response>): Promise<Answer> {
  const answer = await response;
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status}: ${body.slice(0, 500)}`);
  return JSON.parse(body);
}

/** What SAM says of boxes alone. */
async function byBoxes(
  { post }: Service,
  embedding_id: string,
  boxes: readonly (readonly number[])[],
): Promise<Mask[]> {
  const prompts = boxes.map((box) => ({ box }));
  const answer = await answerOf(post('/decode', { embedding_id, prompts }));
  return answer.results.flatMap(({ masks }) => masks);
}

t.test('with a model that reads texts', { skip }, async (t) => {
  const folder = t.testdir({ cache: {} });
  fillDetectorFolder(folder);
  const cache = join(folder, 'cache');
  const service = await startService(t, {
    SAM_MODELS_DIR: folder,
    SAM_TEXT_MODEL: 'small_owl',
    SAM_CACHE_DIR: cache,
    SAM_MAX_PROMPTS: '100',
    SAM_MAX_TEXTS: '8',
    // Boxes of the reference's detections, which 16 bits may order otherwise.
    SAM_CACHE_DTYPE: 'float32',
  });
  const { post, url } = service;

  for (const [file, { selected }] of Object.entries(expected().photos)) {
    await t.test(`${file}: as the reference finds it`, async (t) => {
      const photo = readFileSync(referencePath(file));
      const { embedding_id, results } = await answerOf(
        post('/segment', form(photo, { text: PHRASES })),
      );
      t.equal(results.length, PHRASES.length, 'a result for each phrase');
      const masks = results.flatMap((result) => result.masks);
      const order = [...masks].sort((a, b) => b.text_score - a.text_score);
      t.same(
        order.map(({ label }) => label),
        selected.map(({ label }) => PHRASES[label]),
      );
      for (const [i, { score, box }] of selected.entries()) {
        const found = order[i] as Mask;
        t.ok(Math.abs(found.text_score - score) <= 1e-4, 'its score');
        const off = Math.max(...box.map((side, at) => Math.abs(side - (found.box[at] as number))));
        t.ok(off <= 0.05, `its box is off by ${off} pixels`);
      }
      const plain = await byBoxes(
        service,
        embedding_id,
        masks.map(({ box }) => box),
      );
      for (const [i, { segmentation, predicted_iou }] of plain.entries()) {
        t.same(masks[i]?.segmentation, segmentation, 'its mask is that of its box');
        t.equal(masks[i]?.predicted_iou, predicted_iou);
      }
    });
  }

  await t.test('the features are kept beside the embedding, and go with it', async (t) => {
    const photo = readFileSync(referencePath('tall.png'));
    const [text] = PHRASES;
    const first = await answerOf(post('/segment', form(photo, { text })));
    t.notOk('detect_ms' in first.timings);
    const { embedding_id } = first;
    const again = await answerOf(post('/decode', { embedding_id, text }));
    t.same(again.results, first.results);
    const files = () =>
      readdirSync(cache, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.includes(embedding_id.slice(-64)),
      );
    t.equal(files().length, 2);
    const dropped = await fetch(`${url}/embeddings/${embedding_id}`, { method: 'DELETE' });
    t.equal(dropped.status, 204);
    t.same(files(), []);
    const gone = await post('/decode', { embedding_id, text });
    await problem(t, gone, 404, 'embedding-not-found');

    await post('/embed', form(photo));
    const without = await post('/decode', { embedding_id, text });
    const { detail } = await problem(t, without, 404, 'embedding-not-found');
    t.match(detail, /embed\?text=true/);
    const embedded = await post('/embed?text=true', form(photo));
    t.match(await embedded.json(), { cached: true, timings: { detect_ms: Number } });
    t.same((await answerOf(post('/decode', { embedding_id, text }))).results, first.results);
  });

  await t.test('the features can be downloaded beside the embedding', async (t) => {
    const embedded = await post('/embed', form(readFileSync(referencePath('groceries.jpg'))));
    const { embedding_id } = (await embedded.json()) as Answer;
    const path = join(folder, 'embedding.safetensors');
    const get = (accept: string) =>
      fetch(`${url}/embeddings/${embedding_id}`, { headers: { accept } });
    const download = async () => {
      const response = await get('application/x-safetensors');
      writeFileSync(path, Buffer.from(await response.arrayBuffer()));
      return { tag: response.headers.get('etag'), tensors: openCheckpoint(path).tensors };
    };
    await post('/embed?text=true', form(readFileSync(referencePath('groceries.jpg'))));
    const { tensors, tag } = await download();
    t.same([...tensors.keys()], ['image_embeddings', 'class_embeds', 'proposals']);
    t.match(await (await get('application/json')).json(), {
      tensors: { class_embeds: { shape: [225, 48] }, proposals: { shape: [225, 8] } },
    });
    const proposals = tensors.get('proposals')?.read() ?? new Float32Array();
    const heads = referenceHeads('groceries.jpg');
    for (let patch = 0; patch < 225; patch++) {
      const [ours, right] = [proposals.slice(8 * patch), heads.slice(10 * patch + 5)];
      for (let side = 0; side < 4; side++) {
        const off = Math.abs((ours[side] as number) - (right[side] as number));
        if (off > 2e-5) t.fail(`box ${patch} is off by ${off}`);
      }
    }
    await fetch(`${url}/embeddings/${embedding_id}`, { method: 'DELETE' });
    await post('/embed', form(readFileSync(referencePath('groceries.jpg'))));
    const without = await download();
    t.same([...without.tensors.keys()], ['image_embeddings']);
    t.not(without.tag, tag, 'another file, another tag');
  });

  await t.test('a prompt among others, and one that chooses', async (t) => {
    const photo = readFileSync(referencePath('truck.jpg'));
    const { embedding_id } = await answerOf(post('/segment', form(photo, { text: PHRASES })));
    const box = [600, 500, 1100, 1000];
    const prompts = [{ box }, { text: PHRASES[1] }, { text: PHRASES.slice(2, 4), box }];
    const { results } = await answerOf(post('/decode', { embedding_id, prompts }));
    t.equal(results.length, 4);
    t.equal(results[0]?.masks[0]?.label, undefined);
    t.ok(results[1]?.masks.every(({ label }) => label === PHRASES[1]));
    const chosen = [...(results[2]?.masks ?? []), ...(results[3]?.masks ?? [])];
    t.ok(chosen.length > 0);
    t.ok(
      chosen.every(({ box: [x1 = 0, y1 = 0, x2 = 0, y2 = 0] }) => {
        return x1 < 1100 && x2 > 600 && y1 < 1000 && y2 > 500;
      }),
    );
    const point_coords = [
      [850, 700],
      [1700, 1100],
    ];
    const pointed = await answerOf(
      post('/decode', { embedding_id, text: PHRASES, point_coords, point_labels: [1, 0] }),
    );
    const all = pointed.results.flatMap(({ masks }) => masks);
    t.ok(all.length > 0);
    t.ok(
      all.every(
        ({ box: [x1 = 0, y1 = 0, x2 = 0, y2 = 0] }) =>
          x1 <= 850 && x2 >= 850 && y1 <= 700 && y2 >= 700,
      ),
    );
    const few = await answerOf(
      post('/decode', { embedding_id, text: PHRASES, max_detections: 3, text_threshold: 0.2 }),
    );
    t.equal(few.results.flatMap(({ masks }) => masks).length, 3);
    const templates = await answerOf(
      post('/decode', { embedding_id, text: 'truck', templates: true, text_threshold: 0 }),
    );
    t.ok((templates.results[0]?.masks.length ?? 0) > 0);
  });

  await t.test('more of an example, in this image or another', async (t) => {
    const [truck, tall] = await Promise.all(
      ['truck.jpg', 'tall.png'].map(async (file) => {
        const photo = form(readFileSync(referencePath(file)));
        const answer = await post('/embed?text=true', photo);
        return ((await answer.json()) as Answer).embedding_id;
      }),
    );
    const { image_guided } = expected();
    const [{ source, box, top5 }] = image_guided as [(typeof image_guided)[0]];
    t.equal(source, 'truck.jpg');
    const ask = (embedding_id: unknown, exemplar: object, more = {}) =>
      post('/decode', { embedding_id, exemplar, text_threshold: 0.6, ...more });
    const { results } = await answerOf(ask(truck, { box }, { text_nms_thresh: 1 }));
    t.equal(results.length, 1);
    const [best] = results[0]?.masks ?? [];
    t.equal(best?.label, 'exemplar');
    t.ok(Math.abs((best?.text_score ?? 0) - (top5[0]?.score ?? 1)) <= 1e-4);
    const elsewhere = await answerOf(ask(tall, { box, embedding_id: truck }));
    t.ok((elsewhere.results[0]?.masks.length ?? 0) > 0);
    // Its box is one of its own image: 203x361 here, 1800x1200 there.
    for (const [wrong, message] of [
      [{ box: [1e6, 1e6, 1e6 + 1, 1e6 + 1] }, /must lie in the image, 0..203 by 0..361/],
      [{ box: [90, 90, 10, 10] }, /must have x1 < x2 and y1 < y2/],
      [{ box: [0, 0, 9, 1201], embedding_id: truck }, /must lie in the image, 0..1800 by 0..1200/],
    ] as const) {
      const { errors } = await problem(t, await ask(tall, wrong), 422, 'prompt-invalid');
      t.match(errors, [{ path: '/exemplar/box', message }]);
    }
    const reaching = { box: [100, 100, 1e6, 1e6] };
    t.same(
      (await answerOf(ask(tall, reaching, { clip: true }))).results,
      (await answerOf(ask(tall, { box: [100, 100, 203, 361] }))).results,
    );
    const odd = await problem(
      t,
      await ask(tall, { box, embedding_id: 'x' }),
      400,
      'invalid-request',
    );
    t.match(odd['errors'], [{ path: '/exemplar/embedding_id' }]);
    const id = `mobile_sam:${'0'.repeat(64)}`;
    await problem(t, await ask(tall, { box, embedding_id: id }), 404, 'embedding-not-found');
    const both = await problem(t, await ask(tall, { box }, { text: 'a' }), 400, 'invalid-request');
    t.match(both['errors'], [{ path: '/exemplar', message: 'must not stand beside text' }]);
  });

  await t.test('texts of any kind', async (t) => {
    const photo = readFileSync(referencePath('tall.png'));
    const { embedding_id } = await answerOf(post('/segment', form(photo, { text: 'a cat' })));
    const ask = (fields: object) => post('/decode', { embedding_id, max_detections: 2, ...fields });
    for (const text of ['🍎🍌', '<|endoftext|>', '\u0000', 'ΣΑΣ', '!', '\ud83d', '__proto__']) {
      t.equal((await answerOf(ask({ text }))).results.length, 1, JSON.stringify(text));
    }
    const long = await answerOf(ask({ text: ['a cat', 'a very long wheel '.repeat(1000)] }));
    t.match(long.warnings, [/too long and was cut/]);
    t.equal(long.warnings?.length, 1);
    for (const text of ['', ' \n', '\u3000']) {
      const { errors } = await problem(t, await ask({ text }), 422, 'prompt-invalid');
      t.match(errors, [{ path: '/text', message: /has no words: send a noun phrase/ }]);
    }
    const { errors } = await problem(t, await ask({ text: ['a', ' '] }), 422, 'prompt-invalid');
    t.match(errors, [{ path: '/text/1' }]);
    await problem(t, await ask({ text: '!!', templates: true }), 422, 'prompt-invalid');
    await problem(t, await ask({ text: new Array(10_000).fill('a') }), 413, 'too-many-prompts');
    for (const text of [[], 7, {}]) {
      const bad = await problem(t, await ask({ text }), 400, 'invalid-request');
      t.same(bad['errors'], [
        { path: '/text', message: 'must be words, such as "a wheel", or a list of them' },
      ]);
    }
    const prompts = [{ text: 'a', text_threshold: 0.5 }];
    const inside = { embedding_id, prompts };
    const { errors: unknown } = await problem(
      t,
      await post('/decode', inside),
      400,
      'invalid-request',
    );
    t.match(unknown, [{ path: '/prompts/0/text_threshold', message: /one for all prompts/ }]);
    for (const [fields, path] of [
      [{ text: [] }, '/text'],
      [{ text: 7 }, '/text'],
      [{ text: 'a', text_threshold: 1.1 }, '/text_threshold'],
      [{ text: 'a', text_nms_thresh: -1 }, '/text_nms_thresh'],
      [{ text: 'a', max_detections: 0 }, '/max_detections'],
      [{ text: 'a', multimask_output: true }, '/multimask_output'],
      [{ text: 'a', on_error: 'result' }, '/on_error'],
      [{ box: [1, 1, 9, 9], text_threshold: 0.5, max_detections: undefined }, '/text_threshold'],
    ] as const) {
      const bad = await problem(t, await ask(fields), 400, 'invalid-request');
      t.match(bad['errors'], [{ path }], JSON.stringify(fields));
    }
    const outside = await ask({ text: 'a', box: [0, 0, 1e6, 1] });
    await problem(t, outside, 422, 'prompt-invalid');
  });

  await t.test('formats have the label where they have a place for it', async (t) => {
    const photo = readFileSync(referencePath('tall.png'));
    const text = PHRASES.slice(0, 2);
    const ask = async (format: string, headers = {}) => {
      const fields = { text, format, max_detections: 4, text_threshold: 0 };
      const answer = await post('/segment', form(photo, fields), headers);
      return JSON.parse(await answer.text());
    };
    const place = (written: Record<string, unknown>, format: string) =>
      ({
        labelme: written['shapes'],
        labelstudio_rle: written['brushlabels'],
        cvat_rle: written['label'],
      })[format];
    for (const format of ['labelme', 'labelstudio_rle', 'cvat_rle']) {
      const { results } = (await ask(format)) as Answer;
      for (const [i, { masks }] of results.entries()) {
        for (const { segmentation, label } of masks) {
          t.equal(label, text[i]);
          t.match(
            JSON.stringify(place(segmentation as Record<string, unknown>, format)),
            text[i] as string,
            format,
          );
        }
      }
    }
    const { features } = await ask('geojson', { accept: 'application/geo+json' });
    t.equal(features.length, 4);
    for (const { properties } of features) {
      t.equal(properties.label, text[properties.prompt]);
      t.type(properties.text_score, 'number');
    }
    const { results } = (await ask('yolo')) as Answer;
    const lines = results.map(({ masks }) => masks.map(({ segmentation }) => segmentation));
    t.match(JSON.stringify(lines[1]), /"1 /);
    t.notMatch(JSON.stringify(lines[1]), /"0 /);
  });

  await t.test('as a file it is the best mask, if there is one', async (t) => {
    const photo = readFileSync(referencePath('tall.png'));
    const png = { accept: 'image/png' };
    const file = await post('/segment', form(photo, { text: 'truck', text_threshold: 0 }), png);
    t.equal(file.status, 200);
    t.match(file.headers.get('x-text-score'), /^0\.\d+$/);
    const none = await post('/segment', form(photo, { text: 'truck', text_threshold: 1 }), png);
    const { errors } = await problem(t, none, 422, 'prompt-invalid');
    t.match(errors, [{ message: /text_threshold/ }]);
    const empty = await answerOf(
      post('/segment', form(photo, { text: 'truck', text_threshold: 1 })),
    );
    t.same(empty.results, [{ masks: [] }]);
    const overlay = await post('/segment?overlay=1', form(photo, { text: PHRASES }));
    t.equal(overlay.headers.get('content-type'), 'image/png');
  });
});

t.test('without one, a text is told what is missing', async (t) => {
  const { post } = await sharedService(t);
  const picture = await draw(scene(1));
  for (const response of [
    await post('/segment', form(picture, { text: 'a wheel' })),
    await post('/embed?text=true', form(picture)),
  ]) {
    const { errors } = await problem(t, response, 400, 'invalid-request');
    t.match(errors, [{ path: '/text', message: /SAM_TEXT_MODEL/ }]);
  }
  const prompts = [{ box: [1, 1, 9, 9] }, { exemplar: { box: [1, 1, 9, 9] } }];
  const { errors } = await problem(
    t,
    await post('/segment', form(picture, { prompts })),
    400,
    'invalid-request',
  );
  t.match(errors, [{ path: '/prompts/1/exemplar', message: /SAM_TEXT_MODEL/ }]);
});
