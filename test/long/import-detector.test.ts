import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findDetector } from '#src/engine/detector/files.js';
import { detectors, manifests, sizeOf, verify } from '#src/models/catalogue.js';
import { importDetector } from '#src/models/import-detector.js';
import { pullDetector } from '#src/models/pull.js';
import { referencePath, skip } from '../owl/fixtures/reference.js';

const FILES = ['model.safetensors', 'config.json', 'vocab.json', 'merges.txt'];

function copyReference(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const file of FILES) copyFileSync(referencePath(file), join(folder, file));
}

t.test('a folder of Hugging Face becomes a detector', { skip }, async (t) => {
  const folder = t.testdir({ models: {} });
  const [models, downloaded] = [join(folder, 'models'), join(folder, 'My OWL')];
  copyReference(downloaded);
  const manifest = await importDetector(models, downloaded, { license: 'Apache-2.0' });
  t.match(manifest, { name: 'my_owl', title: 'My OWL', architecture: 'owlv2', padding: 0 });
  t.same(detectors(models), [manifest]);
  t.same(await manifests(models), [], 'it is no SAM');
  t.ok(Number(sizeOf(models, manifest)) > 10e6);
  await verify(models, 'my_owl');
  t.match(await findDetector(models, 'my_owl'), {
    imageSize: 240,
    sha256: manifest.files.weights.sha256,
  });
  t.equal((await findDetector(models, 'my_owl', 160)).imageSize, 160);
  for (const size of [250, 256, 8]) {
    await t.rejects(findDetector(models, 'my_owl', size), { message: /SAM_TEXT_SIZE: .*16/ });
  }
  for (const options of [{ name: 'my_owl' }, {}]) {
    await t.rejects(importDetector(models, downloaded, options), {
      message: /there is a model my_owl already/,
    });
  }
  truncateSync(join(models, 'my_owl/merges.txt'), 1000);
  await t.rejects(verify(models, 'my_owl'), { message: /merges\.txt is not the one/ });
});

t.test('files that do not fit are refused by name', { skip }, async (t) => {
  const refused = async (change: (folder: string) => void, message: RegExp) => {
    const folder = t.testdir({ models: {} });
    const downloaded = join(folder, 'owl');
    copyReference(downloaded);
    change(downloaded);
    await t.rejects(importDetector(join(folder, 'models'), downloaded, {}), {
      name: 'OperatorError',
      message,
    });
  };
  const write = (file: string, text: string) => (folder: string) =>
    writeFileSync(join(folder, file), text);
  await refused(
    write('config.json', '{"model_type":"bert"}'),
    /config\.json: \/model_type must be owlv2 or owlvit/,
  );
  await refused(
    (folder) => rmSync(join(folder, 'vocab.json')),
    /vocab\.json is missing: .*config\.json, vocab\.json, merges\.txt/,
  );
  await refused(
    write('preprocessor_config.json', '{"image_mean":[1]}'),
    /preprocessor_config\.json: image_mean/,
  );
  await refused(
    write('preprocessor_config.json', '{"image_std":[1,0,1]}'),
    /preprocessor_config\.json: .*above 0/,
  );
  await refused(write('preprocessor_config.json', '{'), /preprocessor_config\.json: /);
  await refused(write('config.json', '{"model_type":"owlv2"}'), /no detector.*is \[49408,48\]/);
  await refused(write('vocab.json', '{"a":1}'), /vocab\.json: the vocabulary must give/);
  await refused(write('merges.txt', 'no merge at all'), /the merges have/);
  await refused(
    (folder) => truncateSync(join(folder, 'model.safetensors'), 5_000_000),
    /not a checkpoint that can be read/,
  );
  await refused(write('model.safetensors', 'x'.repeat(100)), /not a checkpoint that can be read/);
});

t.test(
  'a model that is to be pulled may be brought, if its files are those',
  { skip },
  async (t) => {
    const folder = t.testdir({ models: {} });
    const [models, downloaded] = [join(folder, 'models'), join(folder, 'owlv2_base')];
    const shipped = new URL('../../models/owlv2_base.json', import.meta.url);
    copyFileSync(shipped, join(models, 'owlv2_base.json'));
    copyReference(downloaded);
    writeFileSync(
      join(downloaded, 'merges.txt'),
      `${readFileSync(join(downloaded, 'merges.txt'))}\n`,
    );
    await t.rejects(importDetector(models, downloaded, {}), {
      message: /merges\.txt is not the file of owlv2_base/,
    });
    copyReference(downloaded);
    // As a download that was cut leaves them: some of the files, whole.
    mkdirSync(join(models, 'owlv2_base'));
    copyFileSync(join(downloaded, 'config.json'), join(models, 'owlv2_base/config.json'));
    t.match(await importDetector(models, downloaded, {}), { title: /OWLv2, base/ });
    await verify(models, 'owlv2_base');
  },
);

t.test('pixels are normalised as the folder says', { skip }, async (t) => {
  const folder = t.testdir({ models: {} });
  const [models, downloaded] = [join(folder, 'models'), join(folder, 'owl')];
  copyReference(downloaded);
  const image_mean = [0.5, 0.4, 0.3];
  writeFileSync(join(downloaded, 'preprocessor_config.json'), JSON.stringify({ image_mean }));
  t.match(await importDetector(models, downloaded, {}), {
    image_mean,
    image_std: [0.26862954, 0.26130258, 0.27577711],
  });
});

t.test('what is there need not be downloaded', { skip }, async (t) => {
  const models = t.testdir({});
  const name = 'owlv2_base';
  const shipped = new URL(`../../models/${name}.json`, import.meta.url);
  writeFileSync(join(models, `${name}.json`), readFileSync(shipped));
  await t.rejects(findDetector(models, name), {
    message: /is missing: run "npm run models -- pull/,
  });
  copyReference(join(models, name));
  const [manifest] = detectors(models);
  t.ok(manifest);
  if (!manifest) return;
  const paths = await pullDetector(models, manifest, () => {});
  t.same(
    paths,
    FILES.map((file) => join(models, name, file)),
  );
});
