import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint } from '#src/checkpoint/checkpoint.js';
import { inspectCheckpoint } from '#src/engine/checkpoint-model.js';
import { sha256Of } from '#src/engine/model-files.js';
import { verify } from '#src/models/catalogue.js';
import { importCheckpoint } from '#src/models/import.js';
import { finetune } from '#src/train/finetune.js';
import { readOptions } from '#src/train/options.js';
import { Interrupted } from '#src/train/run/interrupted.js';
import { samShapes } from '../checkpoint/fixtures/random-sam.js';
import { fillModelsFolder, TINY } from '../fixtures/models.js';
import { form, startService } from '../fixtures/service.js';
import { writeDrawings } from '../train/fixtures/drawings.js';

const folder = t.testdir({ models: {} });
const [models, work] = [join(folder, 'models'), join(folder, 'work')];
await fillModelsFolder(models);
const { coco, images } = await writeDrawings(folder, 2);

/** Runs the command with a prompt a step. @param interruptAfter a step, as if the user had pressed the keys. */
async function run(words: readonly string[], interruptAfter?: number): Promise<string[]> {
  const interrupt = new AbortController();
  const lines: string[] = [];
  const step = { coco, images, work, batch: 1, 'per-image': 1, clicks: 0, 'warm-up': 0, seed: 3 };
  const usual = Object.entries(step).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  await finetune(readOptions([...usual, ...words], 1), {
    directory: models,
    session: { device: 'cpu', threads: 1, gpuTurn: new SharedArrayBuffer(4) },
    precision: 'float32',
    maxPixels: 1e6,
    progress: {
      begin: () => {},
      end: () => {},
      say: (line) => lines.push(line),
      update: (_, note = '') => {
        if (note.startsWith(`step ${interruptAfter},`)) interrupt.abort(new Interrupted('now'));
      },
    },
    signal: interrupt.signal,
  });
  return lines;
}

t.test('a run, and the model that comes of it', async (t) => {
  const lines = await run(['--out', 'whole', '--steps', '3']);
  t.match(lines.join('\n'), /training: 8 objects in 2 images/);
  for (const reason of [
    'image is missing',
    'mask is empty',
    'mask has one pixel',
    'mask is too thin',
    'mask covers the image',
  ]) {
    t.ok(lines.includes(`skipped 1: ${reason}`), reason);
  }
  t.match(lines.at(-1), /SAM_MODELS=whole npm start/);
  t.match(readFileSync(join(work, 'whole', 'training.svg'), 'utf8'), /<svg.*<path d="M/s);
  t.notOk(existsSync(join(work, 'whole', 'state.v8')));
  const manifest = JSON.parse(readFileSync(join(models, 'whole.json'), 'utf8'));
  const base = JSON.parse(readFileSync(join(models, 'mobile_sam.json'), 'utf8'));
  t.strictSame(manifest.encoder, base.encoder);
  t.equal(manifest.decoder.sha256, await sha256Of(join(models, 'whole.safetensors')));
  await verify(models, 'whole');

  t.test("its names and shapes are segment-anything's", async (t) => {
    const { tensors, close } = openCheckpoint(join(models, 'whole.safetensors'), (named) => named);
    const expected = [...samShapes(TINY)].filter(([name]) => !name.startsWith('image_encoder.'));
    const found = [...tensors].map(([name, { shape }]) => [name, shape] as const);
    t.strictSame(new Map(found), new Map(expected));
    close();
  });

  await t.rejects(run(['--out', 'whole', '--steps', '3']), {
    message: /whole.json is there already/,
  });
});

t.test('interrupted and gone on with, it is the same to the bit', async (t) => {
  await t.rejects(run(['--out', 'broken', '--steps', '3'], 1), { name: 'Interrupted' });
  t.strictSame(
    readdirSync(models).filter((file) => file.startsWith('broken')),
    [],
  );
  await t.rejects(run(['--out', 'broken', '--steps', '3', '--rate', '1e-3']), {
    message: /other data or options.*--restart/,
  });
  const lines = await run(['--out', 'broken', '--steps', '3']);
  t.ok(lines.includes('going on after step 1'));
  const [whole, again] = ['whole', 'broken'].map((name) => {
    const { tensors, close } = openCheckpoint(join(models, `${name}.safetensors`));
    const numbers = [...tensors.values()].map((tensor) => tensor.read());
    close();
    return numbers;
  });
  t.strictSame(again, whole);
});

t.test('a run that diverges names its step, and leaves no model', async (t) => {
  await t.rejects(run(['--out', 'none', '--steps', '9', '--rate', '1e30']), {
    message: /^step 2: the (loss is|gradient of .* is not) .*--rate/,
  });
  t.strictSame(
    readdirSync(models).filter((file) => file.startsWith('none')),
    [],
  );
});

t.test('a model from a checkpoint is written whole, and can be trained further', async (t) => {
  await run(['--model', 'tiny', '--out', 'tuned', '--steps', '1']);
  const file = join(models, 'tuned.safetensors');
  t.match(inspectCheckpoint(file), { architecture: 'sam_vit', variant: TINY });
  await importCheckpoint(models, file, { name: 'imported' });
  await verify(models, 'imported');
  await run(['--model', 'tuned', '--out', 'further', '--steps', '1']);
  await run(['--model', 'broken', '--out', 'onwards', '--steps', '1']);
  t.match(JSON.parse(readFileSync(join(models, 'onwards.json'), 'utf8')), {
    architecture: 'mobile_sam',
    encoder: { file: /encoder.onnx/ },
    decoder: { file: 'onwards.safetensors' },
  });
});

t.test('what cannot be trained is refused', async (t) => {
  await t.rejects(run(['--out', 'x', '--model', 'nobody']), { message: /nobody.json/ });
  await t.rejects(run(['--out', 'A b']), { message: /cannot be a model's name/ });
  await t.rejects(run(['--out', 'x', '--coco', join(folder, 'no.json')]), { message: /no.json/ });
});

t.test('it is served', async (t) => {
  const { url } = await startService(t, { SAM_MODELS: 'whole,tuned', SAM_MODELS_DIR: models });
  const image = readFileSync(join(images, '0.png'));
  for (const model of ['whole', 'tuned']) {
    const body = form(image, { point_coords: [[256, 256]], point_labels: [1] });
    const answer = await fetch(`${url}/segment?model=${model}`, { method: 'POST', body });
    t.equal(answer.status, 200);
    t.match(await answer.json(), { embedding_id: new RegExp(`^${model}:`) });
  }
});
