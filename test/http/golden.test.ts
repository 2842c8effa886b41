import { readFileSync } from 'node:fs';
import t from 'tap';
import type { LowResLogits } from '#src/core/mask.js';
import { decompress } from '#src/masks/formats/rle.js';
import { iouOfRuns } from '../fixtures/bitmap.js';
import { readGolden, skipGolden } from '../fixtures/golden.js';
import { form, sharedService } from '../fixtures/service.js';

interface Answer {
  readonly results: readonly {
    readonly masks: readonly {
      readonly segmentation: { readonly size: readonly number[]; readonly counts: string };
      readonly predicted_iou: number;
      readonly low_res_logits: LowResLogits;
    }[];
  }[];
}

t.test('answers of the reference implementation', { skip: skipGolden }, async (t) => {
  const service = await sharedService(t);
  for (const { name, photograph, width, height, embedding_sample, cases } of readGolden()) {
    const embedded = await service.post('/embed', form(readFileSync(photograph)));
    const { embedding_id, ...image } = (await embedded.json()) as Record<string, unknown>;
    t.match(image, { width, height }, name);

    t.test(`${name}: embedding`, async (t) => {
      const headers = { accept: 'application/octet-stream' };
      const response = await fetch(`${service.url}/embeddings/${embedding_id}`, { headers });
      const tensor = new Float32Array(await response.arrayBuffer());
      for (const [i, expected] of embedding_sample.entries()) {
        const actual = tensor[i * 65537] as number;
        t.ok(Math.abs(actual - expected) <= 0.02, `${actual} is ${expected} within 0.02`);
      }
    });

    // Logits by case, in the model's order, for the refinements.
    const logits: LowResLogits[][] = [];
    for (const [i, { kind, prompt, iou, masks }] of cases.entries()) {
      const { points, labels, box, multimask, refine_of, refine_index = 0 } = prompt;
      const response = await service.post('/decode', {
        embedding_id,
        ...(points && { point_coords: points, point_labels: labels }),
        ...(box && { box }),
        ...(refine_of !== undefined && { mask_input: logits[refine_of]?.[refine_index] }),
        multimask_output: multimask,
        return_logits: true,
      });
      const answer = (await response.json()) as Answer;
      const found = answer.results[0]?.masks ?? [];
      t.equal(found.length, masks.length, `${name} ${i} ${kind}: ${masks.length} masks`);
      t.same(
        found.map(({ predicted_iou }) => predicted_iou),
        found.map(({ predicted_iou }) => predicted_iou).sort((a, b) => b - a),
        'best first',
      );
      const byModel = iou.map((expected, m) => {
        const runs = masks[m] as readonly number[];
        const [best] = found
          .map((mask) => ({ mask, iou: iouOfRuns(decompress(mask.segmentation.counts), runs) }))
          .sort((a, b) => b.iou - a.iou);
        t.ok(best && best.iou >= 0.99, `${name} ${i} ${kind} mask ${m}: IoU ${best?.iou}`);
        const predicted = best?.mask.predicted_iou ?? Number.NaN;
        t.ok(Math.abs(predicted - expected) <= 0.01, `predicts ${predicted}, not ${expected}`);
        return best?.mask.low_res_logits as LowResLogits;
      });
      logits.push(byModel);
    }
  }
});
