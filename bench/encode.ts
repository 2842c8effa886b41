import { InferenceSession, Tensor } from 'onnxruntime-node';
import { writeModel } from '../src/onnx/write-model.js';
import { buildMobileSamEncoder } from '../src/sam/encoder/mobile-sam-encoder.js';
import { relativeDistance } from '../test/fixtures/distance.js';
import { sceneInput, shippedEncoder } from '../test/sam/fixtures/encoders.js';
import { CLIENTS, contest, load, photograph, report, variants } from './contest.js';
import { interleaved } from './interleaved.js';

process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

/** The graphs by themselves: one thread each, one image. */
const options = { intraOpNumThreads: 1, logSeverityLevel: 3 } as const;
const input = new Tensor('float32', await sceneInput(4), [1, 3, 1024, 1024]);
const sessions = {
  'encoder.onnx as shipped': await InferenceSession.create(shippedEncoder, options),
  'our graph': await InferenceSession.create(
    writeModel(buildMobileSamEncoder(shippedEncoder, 'float32', 'cpu')),
    options,
  ),
  'our graph in 8 bits': await InferenceSession.create(
    writeModel(buildMobileSamEncoder(shippedEncoder, 'int8', 'cpu')),
    options,
  ),
};
const candidates = Object.entries(sessions).map(([name, session]) => ({
  name,
  run: () => session.run({ input }),
}));
await interleaved('one image', candidates, { rounds: 15, warmUp: 2 });

const [shipped, ...ours] = await Promise.all(
  candidates.map(async ({ run }) => Object.values(await run())[0]?.data as Float32Array),
);
for (const [i, embedding] of ours.entries()) {
  const error = relativeDistance(embedding, shipped as Float32Array).toExponential(1);
  console.log(`  ${candidates[i + 1]?.name}: relative error of the embedding ${error}`);
}

/** POST /embed with a new 1600x1200 JPEG each time, batch 1. */
await contest(async (ours, weekend) => {
  const body = variants(await photograph());
  const request = { path: '/embed', type: 'image/jpeg', body };
  for (const contender of [ours, weekend]) await load(contender, request, 1, 2);
  for (const clients of CLIENTS) {
    const amount = Math.max(10, clients);
    const score = await load(ours, request, clients, amount);
    report(`encode, ${clients} clients`, score, await load(weekend, request, clients, amount));
  }
});
