import { readFileSync } from 'node:fs';
import t from 'tap';
import { decompress } from '#src/masks/formats/rle.js';
import { iouOfRuns } from '../fixtures/bitmap.js';
import { folder } from '../fixtures/folder.js';
import { until } from '../fixtures/gauges.js';
import { type GoldenPrompt, readGolden, skipGolden } from '../fixtures/golden.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, problem, type Service, startService } from '../fixtures/service.js';

interface Picture {
  readonly image: Buffer;
  readonly prompts: readonly GoldenPrompt[];
}

interface Mask {
  readonly segmentation: { readonly counts: string };
  /** A valid `mask_input`. */
  readonly low_res_logits: unknown;
}

async function drawnScene(): Promise<Picture> {
  const { shapes } = scene(2);
  const prompts = shapes.flatMap(({ point, box }) => [
    { points: [point], labels: [1], multimask: true },
    { box, multimask: false },
  ]);
  return { image: await draw(scene(2)), prompts };
}

function photographs(): Picture[] {
  return readGolden().map(({ photograph, cases }) => ({
    image: readFileSync(photograph),
    prompts: cases.map(({ prompt }) => prompt),
  }));
}

/** The masks of each prompt, best first. */
async function masksOf(service: Service, { image, prompts }: Picture): Promise<Mask[][]> {
  const embedded = await service.post('/embed', form(image));
  const { embedding_id } = (await embedded.json()) as { embedding_id: string };
  const answers: Mask[][] = [];
  for (const { points, labels, box, multimask, refine_of } of prompts) {
    const response = await service.post('/decode', {
      embedding_id,
      ...(points && { point_coords: points, point_labels: labels }),
      ...(box && { box }),
      ...(refine_of !== undefined && { mask_input: answers[refine_of]?.[0]?.low_res_logits }),
      multimask_output: multimask,
      return_logits: true,
    });
    const { results } = (await response.json()) as { results: { masks: Mask[] }[] };
    answers.push(results[0]?.masks ?? []);
  }
  return answers;
}

t.test('an encoder in 8 bits', async (t) => {
  const shared = { SAM_CACHE_DIR: folder(t) };
  const exact = await startService(t, shared);
  const int8 = await startService(t, { ...shared, SAM_ENCODER_PRECISION: 'int8' });

  const fingerprints = [];
  for (const [service, precision] of [
    [exact, 'float32'],
    [int8, 'int8'],
  ] as const) {
    const response = await fetch(`${service.url}/models`);
    const { models } = (await response.json()) as { models: { fingerprint: string }[] };
    t.match(models, [{ encoder: { precision } }]);
    fingerprints.push(models[0]?.fingerprint);
  }
  t.not(fingerprints[0], fingerprints[1], 'its embeddings are not mixed with exact ones');

  const embedded = await exact.post('/embed', form(await draw(scene(2))));
  const { embedding_id } = (await embedded.json()) as { embedding_id: string };
  const mix = () => int8.post('/decode', { embedding_id, box: [10, 10, 90, 90] });
  // The file is written behind the answer's back.
  await until(async () => (await mix()).status === 409);
  const mixed = await mix();
  await problem(t, mixed, 409, 'embedding-mismatch');

  async function compare(name: string, pictures: readonly Picture[]) {
    const ious: number[] = [];
    for (const picture of pictures) {
      const [expected, actual] = [await masksOf(exact, picture), await masksOf(int8, picture)];
      for (const [i, masks] of expected.entries()) {
        for (const { segmentation } of masks) {
          const runs = decompress(segmentation.counts);
          // Masks that are about equally good may change places.
          const found = actual[i]?.map((mask) =>
            iouOfRuns(decompress(mask.segmentation.counts), runs),
          );
          ious.push(Math.max(0, ...(found ?? [])));
        }
      }
    }
    const mean = ious.reduce((sum, iou) => sum + iou, 0) / ious.length;
    t.ok(mean >= 0.985, `${name}: mean IoU ${mean} of ${ious.length} masks`);
    t.ok(mean < 1, 'and it is not the exact encoder');
  }
  await compare('a drawn scene', [await drawnScene()]);
  if (skipGolden) t.comment(skipGolden);
  else await compare('photographs', photographs());
});
