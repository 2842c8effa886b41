import t from 'tap';
import { readDecoderWeights } from '#src/sam/weights/exported-decoder.js';
import { TrainedWeights } from '#src/train/trained-weights.js';
import { shippedDecoder } from '../sam/fixtures/decoders.js';

const before = readDecoderWeights(shippedDecoder);

/** The names of the weights that a step changes when every gradient is 1. */
function changedBy(rates: { ious: number; masks: number }): string[] {
  const trained = new TrainedWeights(before);
  const gradients = new Map([...trained.now].map(([name, { data }]) => [name, data.map(() => 1)]));
  trained.step(gradients as Map<string, Float32Array>, rates);
  return [...trained.now]
    .filter(([name, { data }]) => data.some((value, i) => value !== before.get(name)?.data[i]))
    .map(([name]) => name)
    .sort();
}

t.test('what chooses among the masks and what draws them have rates of their own', async (t) => {
  const layers = [0, 1, 2].map((layer) => `mask_decoder.iou_prediction_head.layers.${layer}`);
  const head = layers.flatMap((layer) => [`${layer}.bias`, `${layer}.weight`]);
  t.strictSame(changedBy({ ious: 1e-3, masks: 0 }), head);
  const all = [...new TrainedWeights(before).now.keys()].sort();
  t.strictSame(changedBy({ ious: 1e-3, masks: 1e-3 }), all);
  t.strictSame(
    changedBy({ ious: 0, masks: 1e-3 }),
    all.filter((name) => !head.includes(name)),
  );
});
