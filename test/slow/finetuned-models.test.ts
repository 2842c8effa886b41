import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { inspectCheckpoint } from '#src/engine/checkpoint-model.js';
import { verify } from '#src/models/catalogue.js';
import { importCheckpoint } from '#src/models/import.js';
import { TINY } from '../fixtures/models.js';
import { form, startService } from '../fixtures/service.js';
import { openCommand } from '../train/fixtures/command.js';

const { models, images, run } = await openCommand(t);

t.test('a model from a checkpoint is written whole, and can be trained further', async (t) => {
  await run(['--model', 'tiny', '--out', 'tuned', '--steps', '1']);
  const file = join(models, 'tuned.safetensors');
  t.match(inspectCheckpoint(file), { architecture: 'sam_vit', variant: TINY });
  await importCheckpoint(models, file, { name: 'imported' });
  await verify(models, 'imported');
  await run(['--model', 'tuned', '--out', 'further', '--steps', '1']);
  await run(['--out', 'whole', '--steps', '1']);
  await run(['--model', 'whole', '--out', 'onwards', '--steps', '1']);
  t.match(JSON.parse(readFileSync(join(models, 'onwards.json'), 'utf8')), {
    architecture: 'mobile_sam',
    encoder: { file: /encoder.onnx/ },
    decoder: { file: 'onwards.safetensors' },
  });
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
