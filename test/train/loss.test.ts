import { InferenceSession, Tensor } from 'onnxruntime-node';
import t from 'tap';
import { Graph } from '#src/onnx/graph.js';
import { writeModel } from '#src/onnx/write-model.js';
import { addGradients } from '#src/train/graph/gradients.js';
import { imitationLoss } from '#src/train/graph/imitation.js';
import { promptLoss } from '#src/train/graph/loss.js';

const CELLS = 256 * 256;

/** Logits of four masks: token 2 is right, the others are not. The label is the upper half. */
const masks = Float32Array.from({ length: 4 * CELLS }, (_, i) => {
  const isUpper = i % CELLS < CELLS / 2;
  return (Math.floor(i / CELLS) === 2) === isUpper ? 3 : -3;
});
const ious = Float32Array.of(0.9, 0.8, 0.7, 0.6);
const full = new Float32Array(CELLS).fill(1);

async function gradientOfIous(iouOf: 'chosen' | 'returned'): Promise<number[]> {
  const g = Graph.create('loss');
  const values = {
    masks: g.input('masks', ['B', 4, 256, 256]),
    iouPredictions: g.input('ious', ['B', 4]),
  };
  const labels = {
    label: g.input('label', ['B', 1, CELLS]),
    inside: g.input('inside', ['B', 1, CELLS]),
    returned: g.input('returned', ['B', 4]),
  };
  const { promptLoss: loss } = promptLoss(g, values, labels, iouOf);
  const [gradient] = addGradients(g, loss, new Set(['ious'])).values();
  if (!gradient) throw new Error('the predicted IoUs have no gradient');
  g.output('gradient', gradient, ['B', 4]);
  const session = await InferenceSession.create(writeModel(g.toModel()), { logSeverityLevel: 4 });
  const label = full.map((_, i) => (i < CELLS / 2 ? 1 : 0));
  const answer = await session.run({
    masks: new Tensor('float32', masks, [1, 4, 256, 256]),
    ious: new Tensor('float32', ious, [1, 4]),
    label: new Tensor('float32', label, [1, 1, CELLS]),
    inside: new Tensor('float32', full, [1, 1, CELLS]),
    returned: new Tensor('float32', [0, 1, 1, 1], [1, 4]),
  });
  const numbers = Array.from(answer['gradient']?.data as Float32Array);
  return numbers.map((value) => Number(value.toFixed(4)));
}

t.test('whose predicted IoU is supervised', async (t) => {
  // The squared error's slope: twice the distance to the IoU, 1 of token 2 and 0 of the others.
  t.strictSame(await gradientOfIous('chosen'), [0, 0, -0.6, 0]);
  t.strictSame(await gradientOfIous('returned'), [0, 1.6, -0.6, 1.2]);
});

t.test('the loss of imitation is 0 where nothing has changed', async (t) => {
  const g = Graph.create('imitation');
  const values = {
    masks: g.input('masks', ['B', 4, 256, 256]),
    iouPredictions: g.input('ious', ['B', 4]),
  };
  const teacher = {
    masks: g.input('teacher_masks', ['B', 4, 256, 256]),
    ious: g.input('teacher_ious', ['B', 4]),
    inside: g.input('inside', ['B', 1, CELLS]),
  };
  const loss = imitationLoss(g, values, teacher);
  g.output('loss', loss, ['B', 1]);
  const [slope] = addGradients(g, loss, new Set(['masks'])).values();
  if (slope) g.output('slope', slope, ['B', 4, 256, 256]);
  const session = await InferenceSession.create(writeModel(g.toModel()), { logSeverityLevel: 4 });
  const run = async (now: Float32Array, then: Float32Array, iousThen = ious) => {
    const answer = await session.run({
      masks: new Tensor('float32', now, [1, 4, 256, 256]),
      ious: new Tensor('float32', ious, [1, 4]),
      teacher_masks: new Tensor('float32', then, [1, 4, 256, 256]),
      teacher_ious: new Tensor('float32', iousThen, [1, 4]),
      inside: new Tensor('float32', full, [1, 1, CELLS]),
    });
    const data = (name: string) => answer[name]?.data as Float32Array;
    return { loss: data('loss')[0] as number, slope: data('slope') };
  };
  const same = await run(masks, masks);
  t.equal(same.loss, 0);
  t.ok(same.slope.every((value) => Math.abs(value) < 1e-9));
  // By hand: of p = sigma(3) and q = sigma(2.9) in every cell, over four masks.
  const sigma = (x: number) => 1 / (1 + Math.exp(-x));
  const [p, q] = [sigma(3), sigma(2.9)];
  const divergence = p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
  const { loss: moved } = await run(
    masks.map((z) => z * (2.9 / 3)),
    masks,
  );
  t.ok(Math.abs(moved / (4 * 20 * divergence) - 1) < 1e-3, `${moved}`);
  const { loss: chosen } = await run(masks, masks, Float32Array.of(0.9, 0.8, 0.8, 0.6));
  t.ok(Math.abs(chosen / (20 * 0.1 ** 2) - 1) < 1e-3, `a predicted IoU of 0.1 more: ${chosen}`);
});
