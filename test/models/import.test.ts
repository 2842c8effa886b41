import { copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { sha256Of } from '#src/engine/model-files.js';
import { manifests, sizeOf, verify } from '#src/models/catalogue.js';
import { importCheckpoint } from '#src/models/import.js';
import { writeRandomSam } from '../checkpoint/fixtures/random-sam.js';
import { TINY } from '../fixtures/models.js';

t.test('a checkpoint becomes a model', async (t) => {
  const folder = t.testdir({ models: {} });
  const models = join(folder, 'models');
  const file = join(folder, 'Our SAM v2.pth');
  writeRandomSam(file, TINY);
  const manifest = await importCheckpoint(models, file, { license: 'MIT' });
  t.match(manifest, {
    name: 'our_sam_v2',
    title: 'Our SAM v2.pth',
    license: 'MIT',
    architecture: 'sam_vit',
    checkpoint: { file: 'our_sam_v2.pth', sha256: await sha256Of(file) },
  });
  t.ok(readFileSync(join(models, 'our_sam_v2.pth')).equals(readFileSync(file)));
  t.same(await manifests(models), [manifest]);
  t.ok(Number(sizeOf(models, manifest)) > 16e6);
  await verify(models, 'our_sam_v2');

  t.test('again, it is known', async (t) => {
    await t.rejects(importCheckpoint(models, file, {}), { message: /pth is there already/ });
    await t.rejects(importCheckpoint(models, file, { name: 'our_sam_v2' }), {
      message: /there is a model our_sam_v2 already/,
    });
    t.match(await importCheckpoint(models, file, { name: 'twin' }), { name: 'twin' });
    await t.rejects(importCheckpoint(models, file, { name: 'a b' }), { message: /--name/ });
  });

  t.test('a file that a manifest waits for', async (t) => {
    const waiting = t.testdir({});
    writeFileSync(join(waiting, 'twin.json'), readFileSync(join(models, 'twin.json')));
    t.match(await importCheckpoint(waiting, file, {}), { name: 'twin' });
    await verify(waiting, 'twin');
  });

  t.test('altered afterwards', async (t) => {
    const path = join(models, 'our_sam_v2.pth');
    const bytes = readFileSync(path);
    bytes[1_000_000] = ~(bytes[1_000_000] as number);
    writeFileSync(path, bytes);
    await t.rejects(verify(models, 'our_sam_v2'), { message: /is not the one its manifest names/ });
    truncateSync(path, 2_000_000);
    await t.rejects(verify(models, 'our_sam_v2'), { message: /is not the one its manifest names/ });
  });
});

t.test('what does not fit is named, and nothing is left behind', async (t) => {
  const folder = t.testdir({ models: {} });
  const models = join(folder, 'models');
  const file = join(folder, 'sam.pth');
  const refused = async (message: RegExp) => {
    await t.rejects(importCheckpoint(models, file, {}), { name: 'OperatorError', message });
    t.same(await manifests(models), []);
    t.notOk(existsSync(join(models, 'sam.pth')));
  };
  const poisoned = 'mask_decoder.transformer.layers.0.mlp.lin1.bias';
  writeRandomSam(file, TINY, { changes: { [poisoned]: (data) => data.fill(Number.NaN, 3, 4) } });
  await refused(
    /tensor "mask_decoder\.transformer\.layers\.0\.mlp\.lin1\.bias": it holds numbers that are not finite/,
  );
  const late = 'image_encoder.neck.2.weight';
  writeRandomSam(file, TINY, { changes: { [late]: (data) => data.fill(Number.NaN, 3, 4) } });
  await refused(/tensor "image_encoder\.neck\.2\.weight": it holds numbers that are not finite/);
  truncateSync(file, 1_000_000);
  await refused(/its end is missing/);
  copyFileSync(new URL('../../package.json', import.meta.url), file);
  await refused(/not a checkpoint that can be read/);
});
