import { copyFileSync } from 'node:fs';
import t from 'tap';
import { fillModelsFolder } from '../fixtures/models.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, startService } from '../fixtures/service.js';

/** An answer of `/embed`, or a problem. */
interface Embedded {
  readonly embedding_id?: string;
}

t.test('two models, each loaded when it is first needed', async (t) => {
  const folder = t.testdir({});
  await fillModelsFolder(folder);
  const { url, post } = await startService(t, {
    SAM_MODELS: 'mobile_sam, tiny',
    SAM_MODELS_DIR: folder,
    SAM_MODELS_LOAD: 'first-use',
    SAM_ENCODE_BATCH: '2',
  });
  const image = await draw(scene(1));
  const listed = async () => {
    const { models } = (await (await fetch(`${url}/models`)).json()) as {
      models: { name: string; memory_bytes: number; encoder: { provider: string } }[];
    };
    return models;
  };
  t.match(await listed(), [
    { name: 'mobile_sam', memory_bytes: 0, encoder: { provider: 'not loaded' } },
    { name: 'tiny', architecture: 'sam_vit', memory_bytes: 0 },
  ]);

  const first = (await (await post('/embed?model=tiny', form(image))).json()) as {
    embedding_id: string;
  };
  t.match(first, { model: 'tiny', embedding_id: /^tiny:/, flight: 'computed' });
  const [mobile, tiny] = await listed();
  t.match(mobile, { encoder: { provider: 'not loaded' }, memory_bytes: 0 });
  t.match(tiny, { encoder: { provider: 'cpu' }, decoder: { provider: 'cpu' } });
  t.ok(Number(tiny?.memory_bytes) > 10e6, `${tiny?.memory_bytes} bytes`);

  t.test('each image has an embedding with each model', async (t) => {
    const second = await post('/embed', form(image));
    t.equal(second.status, 201);
    t.match(await second.json(), { model: 'mobile_sam', embedding_id: /^mobile_sam:/ });
    t.match(await (await post('/embed?model=tiny', form(image))).json(), { flight: 'cached' });
  });

  t.test('an id says which model is to decode', async (t) => {
    const prompt = { box: [10, 10, 100, 100], return_logits: true };
    const ids = [first.embedding_id, first.embedding_id.replace('tiny', 'mobile_sam')];
    const answers = [];
    for (const embedding_id of ids) {
      const answer = await post('/decode', { embedding_id, ...prompt });
      t.equal(answer.status, 200);
      answers.push(JSON.stringify(((await answer.json()) as { results: unknown }).results));
    }
    t.not(answers[0], answers[1]);
    const segmented = await post('/segment?model=tiny', form(image, { ...prompt }));
    t.match(await segmented.json(), { embedding_id: ids[0] });
  });

  t.test('a model that is not served', async (t) => {
    for (const path of ['/embed?model=vit_h', '/segment?model=vit_h']) {
      const body = await problem(t, await post(path, form(image, {})), 400, 'invalid-request');
      t.match(body, { errors: [{ path: '/model', message: 'must be one of mobile_sam, tiny' }] });
    }
    const unknown = await post('/embed?modell=tiny', form(image));
    await problem(t, unknown, 400, 'invalid-request');
  });

  t.test(
    'images that come together fail each for itself, and are what they are alone',
    async (t) => {
      const pictures = await Promise.all([2, 3, 4].map((n) => draw(scene(n))));
      const broken = pictures.map((file, i) => (i === 1 ? file.subarray(0, 3000) : file));
      const responses = await Promise.all(
        broken.map((file) => post('/embed?model=tiny', form(file))),
      );
      t.same(
        responses.map(({ status }) => status),
        [201, 422, 201],
      );
      const bodies = await Promise.all(
        responses.map(async (response) => (await response.json()) as Embedded),
      );
      // The same as if they had come alone.
      for (const [i, { embedding_id }] of bodies.entries()) {
        if (!embedding_id) continue;
        const together = await tensor(url, embedding_id);
        await fetch(`${url}/embeddings/${embedding_id}`, { method: 'DELETE' });
        await post('/embed?model=tiny', form(pictures[i] as Buffer));
        const alone = await tensor(url, embedding_id);
        const worst = Math.max(...alone.map((value, at) => Math.abs(value - (together[at] ?? 9))));
        t.ok(worst <= 2e-2, `image ${i} differs by ${worst}`);
      }
    },
  );
});

/** Some numbers of an embedding. */
async function tensor(url: string, id: string): Promise<number[]> {
  const headers = { accept: 'application/octet-stream' };
  const response = await fetch(`${url}/embeddings/${id}`, { headers });
  const floats = new Float32Array(await response.arrayBuffer());
  return Array.from({ length: 500 }, (_, i) => floats[i * 2089] as number);
}

t.test('a checkpoint that is missing ends the start with what to run', async (t) => {
  const folder = t.testdir({});
  copyFileSync(new URL('../../models/vit_b.json', import.meta.url), `${folder}/vit_b.json`);
  await t.rejects(startService(t, { SAM_MODELS: 'vit_b', SAM_MODELS_DIR: folder }), {
    name: 'OperatorError',
    message: /sam_vit_b_01ec64\.pth is missing: run "npm run models -- pull vit_b"/,
  });
});
