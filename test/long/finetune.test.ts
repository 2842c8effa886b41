import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint } from '#src/checkpoint/checkpoint.js';
import { sha256Of } from '#src/engine/model-files.js';
import { verify } from '#src/models/catalogue.js';
import { samShapes } from '../checkpoint/fixtures/random-sam.js';
import { TINY } from '../fixtures/models.js';
import { openCommand } from '../train/fixtures/command.js';

const { folder, models, work, run } = await openCommand(t);

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

t.test('what cannot be trained is refused', async (t) => {
  await t.rejects(run(['--out', 'x', '--model', 'nobody']), { message: /nobody.json/ });
  await t.rejects(run(['--out', 'A b']), { message: /cannot be a model's name/ });
  await t.rejects(run(['--out', 'x', '--coco', join(folder, 'no.json')]), { message: /no.json/ });
});
