import { Tensor } from 'onnxruntime-node';
import t from 'tap';
import { buildTextTower } from '#src/owl/text-tower.js';
import { maxDifference } from '../sam/fixtures/decoders.js';
import { runGraph } from '../sam/fixtures/run-graph.js';
import {
  expected,
  misfit,
  referenceArchitecture,
  referenceCheckpoint,
  skip,
} from './fixtures/reference.js';

/** Stages by the names the reference has for them, as the nodes that make them. */
const STAGES: Record<string, string> = {
  embeddings: 'owlv2.text_model.embeddings.Add',
  layer0: 'owlv2.text_model.encoder.layers.0.Add_1',
  layer1: 'owlv2.text_model.encoder.layers.1.Add_1',
  layer2: 'owlv2.text_model.encoder.layers.2.Add_1',
  final_layer_norm: 'owlv2.text_model.final_layer_norm.LayerNormalization',
  pooled: 'owlv2.text_model.Reshape_2',
  projected: 'owlv2.text_projection.Gemm',
};
const END = 49407;

/** Without what stands behind the end token. */
function cut(ids: readonly number[]): BigInt64Array {
  return BigInt64Array.from(ids.slice(0, ids.indexOf(END) + 1), BigInt);
}

t.test('every stage as the reference computes it', { skip }, async (t) => {
  const { tensors, folder, close } = referenceCheckpoint();
  t.teardown(close);
  const model = buildTextTower(referenceArchitecture(), tensors);
  for (const { text, input_ids, stages, query_embedding } of expected().text) {
    const ids = cut(input_ids);
    const feeds = { input_ids: new Tensor('int64', ids, [1, ids.length]) };
    const values = await runGraph(model, feeds, { folder, inside: Object.values(STAGES) });
    for (const [stage, name] of Object.entries(STAGES)) {
      const share = misfit(values[name], stages[stage] as never);
      t.ok(share <= 1, `${text}, ${stage}: ${share} of what is allowed`);
    }
    const query = values['text_embeds'] as Float32Array;
    const difference = maxDifference(query, Float32Array.from(query_embedding));
    t.ok(difference <= 2e-5, `${text}: the query is off by ${difference}`);
  }
});

t.test('texts of one length are answered together as one by one', { skip }, async (t) => {
  const { tensors, folder, close } = referenceCheckpoint();
  t.teardown(close);
  const model = buildTextTower(referenceArchitecture(), tensors);
  const texts = [
    [49406, 4629, 2368, END],
    [49406, 320, 736, END],
  ];
  const of = async (rows: readonly (readonly number[])[]) => {
    const ids = BigInt64Array.from(rows.flat(), BigInt);
    const input_ids = new Tensor('int64', ids, [rows.length, 4]);
    return (await runGraph(model, { input_ids }, { folder }))['text_embeds'] as Float32Array;
  };
  const [one, other, both] = [
    await of(texts.slice(0, 1)),
    await of(texts.slice(1)),
    await of(texts),
  ];
  t.ok(maxDifference(both, new Float32Array([...one, ...other])) <= 1e-5);
  t.ok(maxDifference(one, other) > 1e-2);
});
