import { InferenceSession, Tensor } from 'onnxruntime-node';
import t from 'tap';
import { openCheckpoint } from '#src/checkpoint/checkpoint.js';
import type { StoredTensor } from '#src/checkpoint/stored-tensor.js';
import { toFloat32 } from '#src/core/float16.js';
import { Graph } from '#src/onnx/graph.js';
import type { ModelProto } from '#src/onnx/proto.js';
import { writeModel } from '#src/onnx/write-model.js';
import { recogniseHiera } from '#src/sam/encoder/hiera/hiera-parameters.js';
import { buildSam2Encoder } from '#src/sam/encoder/hiera/sam2-encoder.js';
import { paperNeck } from '#src/sam/paper/fpn-neck.js';
import { relativeDistance } from '../fixtures/distance.js';
import {
  CHECKPOINT,
  expected,
  HIERA_CONFIG,
  imageEmbedHalves,
  normOf,
  offBy,
  skip,
  syntheticInput,
} from './fixtures/sam2-reference.js';

const TRUNK = 'image_encoder.trunk';
/** Values inside of the graph by the names of the reference's stages; channels are last in them. */
const INSIDE: Readonly<Record<string, string>> = {
  patch_embed: `${TRUNK}.patch_embed.Transpose`,
  pos_embed: `${TRUNK}.Transpose`,
  pos_embed_added: `${TRUNK}.Add_1`,
  ...Object.fromEntries(
    Array.from({ length: 8 }, (_, i) => [`block${i}`, `${TRUNK}.blocks.${i}.Add_1`]),
  ),
};
/** The last block of each stage. */
const STAGES = [0, 2, 5, 7];

async function run(
  model: ModelProto,
  feeds: Record<string, Tensor>,
  { folder = '', inside = [] as readonly string[] } = {},
): Promise<Record<string, Float32Array>> {
  const hidden = inside.map((name) => ({
    name,
    type: 'float' as const,
    shape: ['B', 'H', 'W', 'C'],
  }));
  const outputs = [...model.graph.outputs, ...hidden];
  const session = await InferenceSession.create(
    writeModel({ ...model, graph: { ...model.graph, outputs } }),
    {
      executionProviders: ['cpu'],
      logSeverityLevel: 3,
      ...(folder && {
        extra: { session: { model_external_initializers_file_folder_path: folder } },
      }),
    },
  );
  const answer = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(answer).map(([name, tensor]) => [name, tensor.data as Float32Array]),
  );
}

/** Levels of the pyramid from what the stages end with, [H,W,C] each. */
function neckOf(
  tensors: ReadonlyMap<string, StoredTensor>,
  stages: readonly Float32Array[],
  folder: string,
) {
  const g = Graph.create('neck', tensors);
  const inputs = stages.map((data, i) => {
    const side = 256 / 2 ** i;
    return { name: `stage${i}`, shape: [1, side, side, data.length / side ** 2] };
  });
  const values = inputs.map(({ name, shape }) =>
    g.transpose(g.input(name, shape), [0, 3, 1, 2]),
  ) as never;
  for (const [i, level] of paperNeck(g.scope('image_encoder.neck'), values).entries()) {
    g.output(`fpn${i}`, level, [1, 256, 256 / 2 ** i, 256 / 2 ** i]);
  }
  const feeds = inputs.map(({ name, shape }, i) => [
    name,
    new Tensor('float32', stages[i] as Float32Array, shape),
  ]);
  return run(g.toModel(), Object.fromEntries(feeds), { folder });
}

t.test('every stage of the synthetic input as Meta computes it', { skip }, async (t) => {
  const { stages } = expected().synthetic;
  const checkpoint = openCheckpoint(CHECKPOINT);
  t.teardown(() => checkpoint.close());
  const variant = recogniseHiera(checkpoint.tensors, HIERA_CONFIG);
  t.match(variant, { dim: 24, stages: [1, 2, 3, 2] });
  const input = syntheticInput();
  t.ok(offBy(input, stages['input'] as never) < 1e-5);
  const { folder } = checkpoint;
  const model = buildSam2Encoder(variant, checkpoint.tensors, 'fused');
  const feeds = { input: new Tensor('float32', input, [1, 3, 1024, 1024]) };
  const values = await run(model, feeds, { folder, inside: Object.values(INSIDE) });
  const ends = STAGES.map((block) => values[INSIDE[`block${block}`] as string] as Float32Array);
  const levels = await neckOf(checkpoint.tensors, ends, folder);
  const named = { ...values, ...levels };
  const left = new Set(Object.keys(stages));
  left.delete('input');
  for (const name of left) {
    if (name.startsWith('stage')) continue; // the blocks' values, channels first
    const stage = stages[name] as (typeof stages)[string];
    const value = named[INSIDE[name] ?? name];
    if (!value) {
      t.fail(`${name} is not there`);
      continue;
    }
    const off = offBy(value, stage);
    t.ok(off <= 2e-4, `${name} is off by ${off}`);
    const norm = Math.abs(normOf(value) / stage.norm - 1);
    t.ok(norm <= 1e-4, `the norm of ${name} by ${norm}`);
  }
  const distance = relativeDistance(
    values['image_embed'] as Float32Array,
    toFloat32(imageEmbedHalves()),
  );
  t.ok(distance <= 1e-3, `image_embed is off by ${distance}`);
});
