import { existsSync, readFileSync } from 'node:fs';
import { type DecodedMask, Predictor, type PredictPrompt, SamClient } from 'sam-split-client';
import t from 'tap';
import { draw, scene } from '../../fixtures/scenes.js';
import { sharedService } from '../../fixtures/service.js';

/** Pixels in both over pixels in either. */
function iou(a: DecodedMask, b: DecodedMask): number {
  const edges = [a, b].map(({ segmentation: { counts } }) => {
    let at = 0;
    return counts.map((count) => {
      at += count;
      return at;
    });
  });
  let [both, either, from] = [0, 0, 0];
  const next = [0, 0];
  const end = edges[0]?.at(-1) as number;
  while (from < end) {
    const to = Math.min(...edges.map((each, i) => each[next[i] as number] as number));
    const inside = next.map((n) => n % 2);
    both += (to - from) * Math.min(...inside);
    either += (to - from) * Math.max(...inside);
    for (const [i, each] of edges.entries()) {
      while ((each[next[i] as number] ?? end + 1) <= to) next[i] = (next[i] as number) + 1;
    }
    from = to;
  }
  return either === 0 ? 1 : both / either;
}
void existsSync;
void readFileSync;

t.test('what is decoded here is what the server decodes', async (t) => {
  const { url } = await sharedService(t);
  const client = new SamClient({ url });
  const picture = scene(1);
  const here = new Predictor(client, { decode: 'here', threads: 1 });
  const stages: string[] = [];
  await here.setImage(new Blob([await draw(picture)]), {
    onProgress: ({ stage, ms, done, fraction }) =>
      stages.push(`${stage} ${ms.toFixed(0)} ${fraction ?? ''} ${done}`),
  });
  t.comment(stages.join('\n'));
  const there = new Predictor(client, { decode: 'server' });
  await there.setImage(here.image!);
  const [disc] = picture.shapes;
  const prompts: PredictPrompt[] = [
    { point_coords: [[...disc!.point]], point_labels: [1] },
    { box: [...disc!.box] },
  ];
  for (const prompt of prompts) {
    const [a, b] = [await here.predict(prompt), await there.predict(prompt)];
    t.comment(JSON.stringify([a.place, b.place, a.ms, b.ms]));
    t.equal(a.masks.length, b.masks.length);
    for (const [i, mask] of a.masks.entries())
      t.comment(
        iou(mask, b.masks[i]!),
        mask.predicted_iou - b.masks[i]!.predicted_iou,
        mask.area,
        b.masks[i]!.area,
      );
    const again = { ...prompt, mask_input: a.masks[0]!.low_res_logits! };
    const [c, d] = [await here.predict(again), await there.predict(again)];
    for (const [i, mask] of c.masks.entries())
      t.comment(
        iou(mask, d.masks[i]!),
        mask.predicted_iou - d.masks[i]!.predicted_iou,
        mask.area,
        d.masks[i]!.area,
      );
  }
  here.close();
});
