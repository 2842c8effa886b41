import t from 'tap';
import { openComparison } from '../sam/fixtures/sam2-comparison.js';
import { sam2Embedding } from '../sam/fixtures/sam2-encoders.js';
import { featureTensors, skip } from '../sam/fixtures/sam2-reference.js';
import { compareStages } from '../sam/fixtures/sam2-stages.js';

t.test('every stage of the photographs as Meta computes it', { skip }, async (t) => {
  for (const name of ['truck', 'groceries'] as const) await compareStages(t, name);
});

t.test('all prompts as Meta answers them', { skip }, async (t) => {
  const compare = await openComparison();
  await compare(t, 'features', featureTensors());
  for (const name of ['synthetic', 'truck', 'groceries'] as const) {
    await compare(t, name, await sam2Embedding(name));
  }
});
