import t from 'tap';
import { decompress } from '#src/masks/rle.js';
import { iouOfRuns, runsOf } from '../fixtures/bitmap.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, startService } from '../fixtures/service.js';

interface Answer {
  readonly results: { masks: { segmentation: { counts: string }; predicted_iou: number }[] }[];
}

t.test('shapes whose pixels are known', async (t) => {
  const service = await startService(t);
  for (const [name, scale] of [
    ['enlarged', 1],
    ['shrunk', 4],
  ] as const) {
    const { width, height, shapes } = scene(scale);
    const picture = await draw({ width, height, shapes });
    const prompts = shapes.flatMap(({ point, box }) => [
      { point_coords: [point], point_labels: [1] },
      { box },
      { point_coords: [point], point_labels: [1], box },
    ]);
    const response = await service.post('/segment', form(picture, { prompts }));
    const { results } = (await response.json()) as Answer;
    t.equal(results.length, prompts.length);
    for (const [i, shape] of shapes.entries()) {
      const truth = runsOf(width, height, shape.inside);
      for (const [p, kind] of ['point', 'box', 'point and box'].entries()) {
        const masks = results[3 * i + p]?.masks ?? [];
        t.equal(masks.length, kind === 'point' ? 3 : 1);
        // A lone point is ambiguous by design: one of its three masks has to be the shape.
        const iou = Math.max(
          ...masks.map(({ segmentation }) => iouOfRuns(decompress(segmentation.counts), truth)),
        );
        t.ok(iou >= 0.9, `${name}, ${shape.name}, ${kind}: IoU ${iou.toFixed(3)}`);
      }
    }
  }
});
