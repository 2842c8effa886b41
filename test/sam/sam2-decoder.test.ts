import t, { type Test } from 'tap';
import { openCheckpoint } from '#src/checkpoint/checkpoint.js';
import type { EmbeddingFloats } from '#src/engine/mask-decoder.js';
import { orderFor } from '#src/sam/decoder/decoder.js';
import { decoderWeights } from '#src/sam/weights/state-dict.js';
import { maxDifference } from './fixtures/decoders.js';
import { openSam2Paper, openSam2Served, promptOf } from './fixtures/sam2-decoders.js';
import { sam2Embedding } from './fixtures/sam2-encoders.js';
import {
  CHECKPOINT,
  type Decode,
  expected,
  featureTensors,
  greatestDistance,
  type InputName,
  sample,
  skip,
} from './fixtures/sam2-reference.js';

const PIXELS = 256 * 256;
const LIMIT = 32;

/** Part `at` of masks. */
function maskAt(masks: Float32Array, at: number): Float32Array {
  return masks.subarray(at * PIXELS, (at + 1) * PIXELS);
}

function clamped(logits: Float32Array): Float32Array {
  return logits.map((logit) => Math.min(Math.max(logit, -LIMIT), LIMIT));
}

/** Which of the four masks are the answer, worked out from the masks as the reference's sources say. */
function chosen({ masks, iou }: { masks: Float32Array; iou: Float32Array }, multimask: boolean) {
  if (multimask) return [1, 2, 3];
  const first = maskAt(masks, 0);
  const above = (threshold: number) => first.filter((logit) => logit > threshold).length;
  const [firm, loose] = [above(0.05), above(-0.05)];
  if (loose === 0 || firm / loose >= 0.98) return [0];
  const three = [...iou.subarray(1)];
  return [1 + three.indexOf(Math.max(...three))];
}

t.test('prompts as Meta answers them', { skip }, async (t) => {
  const checkpoint = openCheckpoint(CHECKPOINT);
  const weights = decoderWeights(checkpoint.tensors);
  checkpoint.close();
  const plain = await openSam2Paper(weights);
  const served = {
    'tokens-first': await openSam2Served(weights, 'tokens-first'),
    'image-first': await openSam2Served(weights, 'image-first'),
  };

  async function compare(t: Test, name: InputName, embedding: EmbeddingFloats): Promise<void> {
    const input = expected()[name];
    const fast = {
      'tokens-first': await served['tokens-first'](embedding),
      'image-first': await served['image-first'](embedding),
    };
    /** Clamped logits of what each decode answers, for those that refine it. */
    const handedOut: Float32Array[][] = [];
    for (const decode of input.decodes) {
      const { kind, multimask_output: multimask, mask_input: from } = decode;
      const mask = from ? handedOut[from.case]?.[from.index] : undefined;
      const prompt = promptOf(decode, input, mask);
      t.equal(6 + prompt.labels.length, decode.tokens, `${name}, ${kind}: tokens`);
      const all = await plain(embedding, prompt);
      same(t, `${name}, ${kind}`, all, decode);
      const wanted = chosen(all, multimask);
      t.strictSame(wanted, decode.returned, `${name}, ${kind}: the masks that are returned`);
      const answer = concatenated(wanted.map((at) => maskAt(all.masks, at)));
      handedOut.push(wanted.map((at) => clamped(maskAt(all.masks, at))));
      t.ok(
        greatestDistance(sample(clamped(answer)), decode.low_res_sample) <= 0.02,
        `${name}, ${kind}: what is handed out`,
      );
      // Which order is served is a matter of speed: both are the same function.
      const orders =
        decode.tokens === 8
          ? (['tokens-first', 'image-first'] as const)
          : [orderFor(prompt.labels.length, 'sam2')];
      for (const order of orders) {
        const { masks, iou, objectScore } = await fast[order](prompt, multimask);
        const difference = maxDifference(masks, answer);
        t.ok(difference <= 1e-3, `${name}, ${kind}, ${order}: logits differ by ${difference}`);
        const ious = wanted.map((at) => all.iou[at] as number);
        t.ok(greatestDistance([...iou], ious) <= 1e-4, `${name}, ${kind}, ${order}: IoU`);
        t.ok(Math.abs(objectScore - all.objectScore) <= 1e-4, `${name}, ${kind}: object`);
      }
    }
  }

  t.test('features of no encoder', async (t) => {
    await compare(t, 'features', featureTensors());
  });
  for (const name of ['synthetic', 'truck', 'groceries'] as const) {
    t.test(name, async (t) => compare(t, name, await sam2Embedding(name)));
  }
});

/** The plain graph's four masks against the reference's. */
function same(
  t: Test,
  what: string,
  all: Awaited<ReturnType<Awaited<ReturnType<typeof openSam2Paper>>>>,
  decode: Decode,
) {
  const logits = greatestDistance(sample(all.masks), decode.all_logits.sample);
  t.ok(logits <= 0.02, `${what}: logits differ by ${logits}`);
  const iou = greatestDistance([...all.iou], decode.all_iou);
  t.ok(iou <= 1e-4, `${what}: IoU differs by ${iou}`);
  const score = Math.abs(all.objectScore - decode.object_score_logit);
  t.ok(score <= 1e-3, `${what}: the object score differs by ${score}`);
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.length * PIXELS);
  for (const [i, part] of parts.entries()) whole.set(part, i * PIXELS);
  return whole;
}
