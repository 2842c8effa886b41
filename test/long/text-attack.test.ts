import t from 'tap';
import { fuzz } from '../../attack/fuzz.js';
import { idOf, PICTURE } from '../../attack/images.js';
import { Sender } from '../../attack/refusals/sender.js';
import { searches } from '../../attack/refusals/texts.js';
import { fillRandomDetectorFolder } from '../fixtures/detector.js';
import { problem, startService } from '../fixtures/service.js';

t.setTimeout(600_000);

t.test(
  'searches that are none are refused, and almost right ones answered or refused',
  async (t) => {
    const folder = t.testdir();
    fillRandomDetectorFolder(folder);
    const { url, post } = await startService(t, {
      SAM_MODELS_DIR: folder,
      SAM_TEXT_MODEL: 'small_owl',
    });
    const embedded = await post('/embed?text=true', PICTURE, { 'content-type': 'image/png' });
    t.equal(embedded.status, 201);
    const id = idOf(PICTURE);
    for (const [name, status, code, send] of searches(new Sender(url, id))) {
      await t.test(name, async (t) => {
        const body = await problem(t, await send(), status, code);
        t.ok((body['detail'] as string).length < 500, body['detail'] as string);
        t.notMatch(JSON.stringify(body), /node_modules|\.js|\/src\//, 'nothing of the inside');
      });
    }
    await t.test('what looks strange is text like any other', async (t) => {
      const strange = [
        '<|startoftext|>',
        '<|endoftext|>',
        '!',
        '🍎🍌',
        '\0',
        'ΣΑΣ',
        '__proto__',
        '</w>',
      ];
      for (const text of strange) {
        const answer = await post('/decode', { embedding_id: id, text, max_detections: 1 });
        t.equal(answer.status, 200, JSON.stringify(text));
      }
      const start = performance.now();
      const long = await post('/decode', { embedding_id: id, text: 'x'.repeat(1e6) });
      const { warnings, results } = (await long.json()) as {
        warnings: string[];
        results: { masks: { label: string }[] }[];
      };
      t.match(warnings, [/too long and was cut/]);
      t.equal(results[0]?.masks[0]?.label, 'x'.repeat(100), 'and answered by its beginning');
      t.ok(performance.now() - start < 10_000, 'in little time');
    });
    await t.test('fuzz', async (t) => {
      const { statuses } = await fuzz(url, 1000, 20261126, true);
      t.ok((statuses[200] ?? 0) > 0, JSON.stringify(statuses));
      t.ok((statuses[400] ?? 0) > 50 && (statuses[422] ?? 0) > 5, JSON.stringify(statuses));
    });
  },
);
