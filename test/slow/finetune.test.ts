import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { LowResLogits } from '#src/core/mask.js';
import type { RunLengths } from '#src/core/masks/run-lengths.js';
import { decompress } from '#src/masks/formats/rle.js';
import { iouOfMasks } from '#src/masks/overlap.js';
import { readGolden, skipGolden } from '../fixtures/golden.js';
import { form, type Service, startService } from '../fixtures/service.js';

/** The whole demonstration: ten minutes of both cores. */
const CLI = fileURLToPath(new URL('../../dist/finetune-cli.js', import.meta.url));
const MANIFEST = new URL('../../models/mobile_sam.json', import.meta.url);
const PHOTOGRAPHS = fileURLToPath(new URL('../../../shared/reference/', import.meta.url));

function points(ious: readonly number[]): number {
  return (100 * ious.reduce((a, b) => a + b)) / ious.length;
}

/** Runs the command to its end. */
async function command(words: readonly string[], models: string): Promise<string> {
  const child = spawn(process.execPath, [CLI, ...words], {
    env: { ...process.env, SAM_MODELS_DIR: models },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`it ended with ${code}: ${text}`);
  return text;
}

interface Answer {
  readonly results: readonly {
    readonly masks: readonly {
      readonly predicted_iou: number;
      readonly segmentation: { readonly counts: string };
      readonly low_res_logits: LowResLogits;
    }[];
  }[];
}

/** Answers to the golden prompts. */
interface Golden {
  /** The mean over all golden masks, in points: of each the answer that is nearest. */
  readonly iou: number;
  /** The likeliest mask of each answer. */
  readonly chosen: readonly RunLengths[];
}

async function answersToGolden({ url, post }: Service, model: string): Promise<Golden> {
  const ious: number[] = [];
  const chosen: RunLengths[] = [];
  for (const { photograph, cases } of readGolden()) {
    const body = form(readFileSync(photograph));
    const embedded = await fetch(`${url}/embed?model=${model}`, { method: 'POST', body });
    const { embedding_id } = (await embedded.json()) as { embedding_id: string };
    const logits: LowResLogits[][] = [];
    for (const { prompt, masks } of cases) {
      const { points, labels, box, multimask, refine_of, refine_index = 0 } = prompt;
      const response = await post('/decode', {
        embedding_id,
        ...(points && { point_coords: points, point_labels: labels }),
        ...(box && { box }),
        ...(refine_of !== undefined && { mask_input: logits[refine_of]?.[refine_index] }),
        multimask_output: multimask,
        return_logits: true,
      });
      const found = ((await response.json()) as Answer).results[0]?.masks ?? [];
      const best = found.reduce((a, b) => (b.predicted_iou > a.predicted_iou ? b : a));
      chosen.push(decompress(best.segmentation.counts));
      const nearest = masks.map((mask) => {
        const ranked = found.map(({ segmentation, low_res_logits }) => ({
          iou: iouOfMasks(decompress(segmentation.counts), mask),
          low_res_logits,
        }));
        return ranked.reduce((best, next) => (next.iou > best.iou ? next : best));
      });
      ious.push(...nearest.map(({ iou }) => iou));
      logits.push(nearest.map(({ low_res_logits }) => low_res_logits));
    }
  }
  return { iou: points(ious), chosen };
}

t.test(
  'the demonstration, with photographs to keep',
  { skip: skipGolden, timeout: 3_600_000 },
  async (t) => {
    const folder = t.testdir({ models: {} });
    const models = join(folder, 'models');
    copyFileSync(MANIFEST, join(models, 'mobile_sam.json'));
    const words = ['--demo', '--work', join(folder, 'work'), '--keep', PHOTOGRAPHS];
    const printed = await command(words, models);
    t.comment(printed.split('\n').slice(-8).join('\n'));
    const [, before, after] = /IoU ([\d.]+) % before, ([\d.]+) % after/.exec(printed) ?? [];
    t.ok(Number(after) - Number(before) >= 15, `${before} % before, ${after} % after`);

    const service = await startService(t, {
      SAM_MODELS: 'mobile_sam,demo',
      SAM_MODELS_DIR: models,
    });
    const [was, is] = [
      await answersToGolden(service, 'mobile_sam'),
      await answersToGolden(service, 'demo'),
    ];
    t.ok(was.iou - is.iou <= 1, `golden masks: ${was.iou} before, ${is.iou} after`);
    const same = points(was.chosen.map((mask, i) => iouOfMasks(mask, is.chosen[i] as RunLengths)));
    t.ok(same >= 99, `the likeliest masks are those of before: ${same}`);
  },
);
