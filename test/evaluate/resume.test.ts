import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { evaluateModel, imagesOf } from '#src/evaluate/evaluation.js';
import { Journal } from '#src/evaluate/journal.js';
import { ServiceClient } from '#src/evaluate/service/service-client.js';
import type { LabelledObject } from '#src/labels/labelled-object.js';
import { Skipped } from '#src/labels/skipped.js';
import { runsOf } from '../fixtures/bitmap.js';
import { IMAGE, isObject, rowsService } from './fixtures/rows-service.js';

/** Three images with an object each, of which the second is none. */
function data(t: Test) {
  const folder = t.testdir({ a: 'image a', b: 'no image', c: 'image c' });
  const objects = ['a', 'b', 'c'].map(
    (name): LabelledObject => ({
      ...{ id: name, image: join(folder, name), ...IMAGE, area: 25, pixels: 25 },
      box: [1, 1, 6, 6],
      mask: () => runsOf(IMAGE.width, IMAGE.height, isObject),
    }),
  );
  return { folder, images: imagesOf(objects, folder) };
}

/** @param stopAfter images. */
async function evaluate(t: Test, { folder, images }: ReturnType<typeof data>, stopAfter = 9) {
  const { send, embedded } = rowsService();
  const skipped = new Skipped();
  const stop = new AbortController();
  let done = 0;
  const result = evaluateModel('rows', images, {
    ...{ service: new ServiceClient(send), journal: new Journal(join(folder, 'progress'), 'one') },
    ...{ skipped, seed: 0, worst: 1, signal: stop.signal },
    onImage: () => {
      if (++done === stopAfter) stop.abort(new Error('interrupted'));
    },
  });
  const settled = await result.catch((error: Error) => error.message);
  t.comment(typeof settled === 'string' ? settled : 'all of it');
  return { settled, embedded, skipped: skipped.reasons };
}

t.test('an evaluation goes on where it was broken off', async (t) => {
  const own = data(t);
  const broken = await evaluate(t, own, 1);
  t.equal(broken.settled, 'interrupted');
  // As a process leaves it that is killed while it writes.
  appendFileSync(join(own.folder, 'progress'), '{"model":"rows","ima');
  const rest = await evaluate(t, own);
  t.strictSame(rest.embedded, ['image c'], 'the first is not asked for again');
  const again = await evaluate(t, own);
  t.strictSame(again.embedded, []);
  t.strictSame(again, { ...rest, embedded: [] });

  const whole = await evaluate(t, data(t));
  t.strictSame(whole.embedded, ['image a', 'image c']);
  t.strictSame(
    { settled: whole.settled, skipped: whole.skipped },
    { settled: rest.settled, skipped: rest.skipped },
  );
  t.match(whole.skipped, [
    { reason: 'image is unreadable', count: 1, examples: ['b: it is damaged'] },
  ]);
});

t.test('an image of another size than its label', async (t) => {
  const { folder, images } = data(t);
  const other = images.map((image) => ({
    ...image,
    objects: image.objects.map((object) => ({ ...object, width: 7, height: 9 })),
  }));
  const { skipped } = await evaluate(t, { folder, images: other });
  t.match(skipped, [
    {
      reason: 'image has another size',
      count: 2,
      examples: ['a: it has 9x7 pixels, its label 7x9'],
    },
    { reason: 'image is unreadable', count: 1 },
  ]);
});

t.test('the journal of another evaluation stays as it is', async (t) => {
  const file = join(t.testdir({}), 'progress');
  new Journal(file, 'one').add({ model: 'a', image: 'b', objects: [] });
  const before = readFileSync(file, 'utf8');
  t.throws(() => new Journal(file, 'two'), /is what another evaluation has begun/);
  t.equal(readFileSync(file, 'utf8'), before);
  const same = new Journal(file, 'one');
  t.strictSame(same.find('a', 'b'), { model: 'a', image: 'b', objects: [] });
  t.equal(same.find('a', 'c'), undefined);
  same.remove();
  t.notOk(existsSync(file));
  writeFileSync(file, '{"journal":1,"id');
  t.equal(new Journal(file, 'one').size, 0, 'cut off in its first line');
});
