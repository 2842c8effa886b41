import t, { type Test } from 'tap';
import { CONTEXT_BYTES } from '#src/sam/image-context.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, startService } from '../fixtures/service.js';

/** Which of four decodes, of one image, another and the first again twice, made a context. */
async function computed(t: Test, bytes: number) {
  const { post } = await startService(t, { SAM_CONTEXT_BYTES: String(bytes) });
  const ids: string[] = [];
  for (const seed of [1, 2]) {
    const answer = await post('/embed', form(await draw(scene(seed))));
    ids.push(((await answer.json()) as { embedding_id: string }).embedding_id);
  }
  const results: boolean[] = [];
  for (const embedding_id of [...ids, ids[0], ids[0]]) {
    const answer = await post('/decode', { embedding_id, box: [10, 10, 60, 60] });
    const { timings } = (await answer.json()) as { timings: Record<string, number> };
    results.push(timings['context_ms'] !== undefined);
  }
  return results;
}

t.test('contexts stay as long as their bytes allow', async (t) => {
  t.same(await computed(t, 2 * CONTEXT_BYTES), [true, true, false, false], 'two fit');
  t.same(await computed(t, 2 * CONTEXT_BYTES - 1), [true, true, true, false], 'one fits');
});
