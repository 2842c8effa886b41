import t from 'tap';
import { contextBytes } from '#src/sam/decoder/image-context.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, startService } from '../fixtures/service.js';

t.test('as many contexts stay as fit', async (t) => {
  const { post } = await startService(t, {
    SAM_CONTEXT_BYTES: String(2 * contextBytes('sam') - 1),
  });
  const embed = async (seed: number) => {
    const answer = await post('/embed', form(await draw(scene(seed))));
    return ((await answer.json()) as { embedding_id: string }).embedding_id;
  };
  const [a, b] = [await embed(1), await embed(2)];
  const computed: boolean[] = [];
  for (const embedding_id of [a, a, b, b, a]) {
    const answer = await post('/decode', { embedding_id, box: [10, 10, 60, 60] });
    const { timings } = (await answer.json()) as { timings: Record<string, number> };
    computed.push(timings['context_ms'] !== undefined);
  }
  t.same(computed, [true, false, true, false, true], 'one of two fits');
});
