import t from 'tap';
import { transposed } from '#src/onnx/float-tensor.js';
import { readDecoderWeights } from '#src/sam/weights/exported-decoder.js';
import { LINEAR } from '#src/sam/weights/state-dict.js';
import { adamw } from '#src/train/adamw.js';
import { DecoderTrainer, type TrainingPrompt } from '#src/train/decoder-trainer.js';
import { lowResLabel } from '#src/train/low-res-label.js';
import { shippedDecoder } from '../sam/fixtures/decoders.js';
import {
  distance,
  type Reference,
  type ReferenceCase,
  readHalves,
  reference,
  type Sketch,
  unpack,
} from '../train/fixtures/reference.js';

const weights = readDecoderWeights(shippedDecoder);
const shapes = new Map([...weights].map(([name, { shape }]) => [name, shape]));

/** A tensor in PyTorch's order of elements. */
function asTorch(name: string, data: Float32Array): Float32Array {
  const shape = shapes.get(name) ?? [];
  return LINEAR.test(name) ? transposed({ shape, data }).data : data;
}

function promptsOf({ images }: Reference, example: ReferenceCase): TrainingPrompt[] {
  const image = images[example.image] as { width: number; height: number };
  return example.prompts.map(({ point_coords = [], point_labels = [], box, label }) => ({
    // The reference's coordinates are of the model's frame already.
    coords: Float32Array.from([...point_coords.flat(), ...(box ?? [0, 0])]),
    labels: Float32Array.from([...point_labels, ...(box ? [2, 3] : [-1])]),
    label: lowResLabel(unpack(label.counts, image.width, image.height), image),
    multimask: example.multimask_output,
    ...(example.mask_input && { mask: readHalves(example.mask_input) }),
  }));
}

t.test(
  'AdamW steps as its worked example',
  { skip: !reference && 'no reference answers' },
  async (t) => {
    if (!reference) return;
    const { start, gradients, after, lr, betas, eps, weight_decay } = reference.adamw;
    const values = Float64Array.from(start);
    const moments = { mean: new Float64Array(4), square: new Float64Array(4) };
    const options = { rate: lr, betas, epsilon: eps, decay: weight_decay };
    for (const [i, gradient] of gradients.entries()) {
      adamw(values, Float64Array.from(gradient), moments, i + 1, options);
      for (const [at, value] of (after[i] as number[]).entries()) {
        t.ok(Math.abs((values[at] as number) - value) <= 1e-12 * Math.max(1, Math.abs(value)));
      }
    }
  },
);

t.test(
  'the reference',
  { skip: !reference && 'no reference answers beside this checkout' },
  async (t) => {
    if (!reference) return;
    const { at } = reference;
    const trainer = await DecoderTrainer.open(weights, 1, ['image_embeddings']);

    for (const [name, sketch] of Object.entries(reference.weights)) {
      const data = asTorch(name, weights.get(name)?.data as Float32Array);
      const far = distance(data, sketch, at[data.length]);
      if (far > 1e-6) t.fail(`the weight ${name} is ${far} off`);
    }

    for (const example of reference.cases) {
      const prompts = promptsOf(reference, example);
      t.test(`case ${example.id}: labels, losses and gradients`, async (t) => {
        for (const [i, { cells, rows, cols }] of prompts.map(({ label }) => label).entries()) {
          const expected = example.label_low_res[i] as ReferenceCase['label_low_res'][number];
          t.strictSame([rows, cols], expected.size);
          const mask = unpack(expected.counts, cols, rows);
          const wrong = mask.reduce(
            (sum, cell, k) =>
              sum + (cell === cells[Math.floor(k / cols) * 256 + (k % cols)] ? 0 : 1),
            0,
          );
          t.equal(wrong, 0, 'cells of the label');
        }
        const answer = await trainer.run(readHalves(`embedding.${example.image}.f16.npy`), prompts);
        const first = example.multimask_output ? 1 : 0;
        t.strictSame(
          answer.chosen,
          example.chosen.map((chosen) => chosen + first),
        );
        const close = (mine: number | undefined, theirs: number, what: string) => {
          const far = Math.abs((mine as number) - theirs) / Math.max(Math.abs(theirs), 1e-2);
          t.ok(far <= 5e-5, `${what} is ${far} off`);
        };
        for (const [i, masks] of example.masks.entries()) {
          for (const [m, mask] of masks.entries()) {
            const token = 4 * i + first + m;
            close(answer.focal[token], mask.focal, 'focal');
            close(answer.dice[token], mask.dice, 'dice');
            close(answer.ious[token], mask.iou_predicted, 'predicted IoU');
            close(answer.iouTargets[token], mask.iou_target, 'IoU');
          }
          close(answer.losses[i], example.prompt_loss[i] as number, 'prompt loss');
        }
        let worst = { name: '', far: 0 };
        for (const [name, sketch] of Object.entries({
          ...example.gradients,
          image_embeddings: example.image_embedding_gradient,
        })) {
          const gradient = answer.gradients.get(name);
          const length = weights.get(name)?.data.length ?? 256 * 64 * 64;
          const mine = gradient
            ? asTorch(name, gradient).map((v) => v / prompts.length)
            : new Float32Array(length);
          if (reference?.null.includes(name)) {
            t.ok(Math.hypot(...mine) <= 1e-6 * example.gradient_norm, `${name} is rounding`);
          } else if (example.unused.includes(name)) {
            if (mine.some((v) => v !== 0)) t.fail(`${name} has a gradient`);
          } else {
            const far = distance(mine, sketch, at[length]);
            if (!(far <= worst.far)) worst = { name, far };
            if (!(far <= 1e-3)) t.fail(`the gradient of ${name} is ${far} off`);
          }
        }
        t.comment(`worst gradient: ${worst.name}, ${worst.far}`);
        t.ok(worst.far <= 1e-3);
      });
    }
  },
);

t.test('ten steps of AdamW', { skip: !reference && 'no reference answers' }, async (t) => {
  if (!reference) return;
  const { at, cases, steps } = reference;
  const trainer = await DecoderTrainer.open(weights, 1);
  for (let step = 0; step <= 10; step++) {
    const sum = new Map<string, Float32Array>();
    let loss = 0;
    const chosen: number[] = [];
    for (const example of cases) {
      const embedding = readHalves(`embedding.${example.image}.f16.npy`);
      const answer = await trainer.run(embedding, promptsOf(reference, example));
      loss += answer.losses.reduce((a, b) => a + b) / steps.prompts.length;
      chosen.push(...answer.chosen.map((token) => token - (example.multimask_output ? 1 : 0)));
      for (const [name, gradient] of answer.gradients) {
        const known = sum.get(name) ?? new Float32Array(gradient.length);
        sum.set(
          name,
          known.map((v, i) => v + (gradient[i] as number) / steps.prompts.length),
        );
      }
    }
    const far = Math.abs(loss - (steps.loss[step] as number)) / (steps.loss[step] as number);
    t.ok(far <= 1e-4, `loss ${step} is ${far} off`);
    t.strictSame(chosen, steps.chosen[step]);
    if (step === 10) break;
    trainer.step(sum, { ious: 1e-5, masks: 1e-5 });
    if (step !== 0 && step !== 9) continue;
    for (const [name, { data }] of trainer.weights) {
      if (reference.null.includes(name)) continue;
      const before = weights.get(name)?.data as Float32Array;
      const change = asTorch(
        name,
        data.map((v, i) => v - (before[i] as number)),
      );
      const expected = steps.after[step === 0 ? '1' : '10'][name]?.change as Sketch;
      const limit = 0.05 + (step === 0 ? Math.sqrt(8 / data.length) : 0);
      const all = distance(change, { ...expected, at: [] });
      if (all > limit) t.fail(`${name} has moved ${all} off in step ${step + 1}`);
      const strays = (expected.at ?? []).filter(
        (v, i) =>
          Math.abs((change[at[data.length]?.[i] as number] as number) - v) > limit * expected.norm,
      );
      if (strays.length > 1) t.fail(`${strays.length} elements of ${name} are off`);
    }
  }
});
