import t from 'tap';
import { readModel } from '#src/onnx/read-model.js';
import { buildDecoder } from '#src/sam/decoder/decoder.js';
import { buildContext } from '#src/sam/decoder/image-context.js';
import { decoderSignatures } from '#src/sam/graph-signatures.js';
import { readDecoderWeights } from '#src/sam/weights/exported-decoder.js';
import { shippedDecoder } from './fixtures/decoders.js';
import { openComparison } from './fixtures/sam2-comparison.js';
import { randomSam2Decoder } from './fixtures/sam2-decoders.js';
import { featureTensors, skip } from './fixtures/sam2-reference.js';

// The others, and embeddings of images, are in test/long/sam2-prompts.test.ts.
t.test(
  'the first prompts about features of no encoder as Meta answers them',
  { skip },
  async (t) => {
    await (await openComparison())(t, 'features', featureTensors(), 4);
  },
);

t.test('what clients are told of the graphs is what these take and give', async (t) => {
  const weights = { sam: readDecoderWeights(shippedDecoder), sam2: randomSam2Decoder() };
  const variant = { order: 'tokens-first', answer: 'masks', withMask: true } as const;
  for (const family of ['sam', 'sam2'] as const) {
    const told = decoderSignatures(family);
    const written = {
      context: readModel(buildContext(weights[family])).graph,
      decoder: readModel(buildDecoder(weights[family], variant)).graph,
    };
    for (const part of ['context', 'decoder'] as const) {
      for (const side of ['inputs', 'outputs'] as const) {
        const found = written[part][side].map(({ name, type, shape }) => ({
          ...{ name, shape },
          dtype: type === 'float' ? 'float32' : type,
        }));
        const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
        t.same(
          [...told[part][side]].sort(byName),
          found.sort(byName),
          `${family}, ${part}, ${side}`,
        );
      }
    }
  }
});
