import t from 'tap';
import type { PrecisionChoice } from '#src/core/family/model.js';
import { ImageEncoder } from '#src/engine/image-encoder.js';
import type { GraphNetwork } from '#src/engine/session.js';
import { Graph } from '#src/onnx/graph.js';
import { SUMS, toHalfPrecision } from '#src/onnx/precision/half-precision.js';
import { writeModel } from '#src/onnx/write-model.js';
import { withPreprocessing } from '#src/sam/encoder/preprocess.js';
import { relativeDistance } from '../fixtures/distance.js';
import { photograph } from '../fixtures/pictures.js';
import { ServiceProcess } from '../fixtures/service-process.js';
import { noGpu, SWIFTSHADER } from '../fixtures/swiftshader.js';
import { random } from '../sam/fixtures/decoders.js';
import { onlyTensor } from '../sam/fixtures/encoders.js';

if (noGpu) t.comment(noGpu);
else Object.assign(process.env, SWIFTSHADER);

const [SIDE, DIM, PATCH] = [64, 32, 8];
const GRID = SIDE / PATCH;
const MEAN = [123.675, 116.28, 103.53];
const STD = [58.395, 57.12, 57.375];

/** An encoder with what those of SAM consist of, so small that a processor plays a GPU for it within seconds. */
function smallEncoder(precision: PrecisionChoice): GraphNetwork {
  const next = random(1);
  const weight = (...shape: number[]) => {
    const length = shape.reduce((product, side) => product * side, 1);
    return { shape, data: Float32Array.from({ length }, () => 0.4 * (next() - 0.5)) };
  };
  const weights = new Map([
    ['patches', weight(DIM, 3, PATCH, PATCH)],
    ['norm', weight(DIM)],
    ['q', weight(DIM, DIM)],
    ['k', weight(DIM, DIM)],
    ['v', weight(DIM, DIM)],
    ['neck', weight(DIM, DIM, 3, 3)],
  ]);
  const g = Graph.create('small', weights);
  const patches = g.conv(
    g.input('input', ['B', 3, SIDE, SIDE]),
    g.parameter('patches'),
    undefined,
    {
      stride: PATCH,
    },
  );
  const tokens = g.reshape(g.transpose(patches, [0, 2, 3, 1]), [0, -1, DIM]); // [B,64,32]
  const x = g.layerNormalization(tokens, g.parameter('norm'), undefined, 1e-6);
  const [q, k, v] = ['q', 'k', 'v'].map((name) => g.matMul(x, g.parameter(name)));
  if (!q || !k || !v) throw new Error('there are three');
  const scores = g.softmax(g.matMul(q, g.transpose(k, [0, 2, 1])));
  const attended = g.gelu(g.add(g.matMul(scores, v), tokens));
  const grid = g.reshape(g.transpose(attended, [0, 2, 1]), [0, DIM, GRID, GRID]);
  const neck = g.conv(grid, g.parameter('neck'), undefined, { stride: 1, padding: 1 });
  g.output('image_embeddings', neck, ['B', DIM, GRID, GRID]);
  const preprocessing = { side: SIDE, pixelMean: MEAN, pixelStd: STD };
  return {
    precision,
    graphFor: (_, chosen) => {
      const model = g.toModel();
      const numbers = chosen === 'float16' ? toHalfPrecision(model, new Set(SUMS)) : model;
      return writeModel(withPreprocessing(numbers, preprocessing));
    },
  };
}

function open(device: 'cpu' | 'webgpu', precision: PrecisionChoice): Promise<ImageEncoder> {
  const options = { device, threads: 1, gpuTurn: new SharedArrayBuffer(4) } as const;
  return ImageEncoder.open(smallEncoder(precision), SIDE, options);
}

t.test('an encoder on WebGPU answers as on the CPU', { skip: noGpu }, async (t) => {
  const images = [photograph(SIDE, 40, 1), photograph(30, SIDE, 2)];
  const expected = onlyTensor(await (await open('cpu', 'auto')).run(images));
  const encoder = await open('webgpu', 'auto');
  t.equal(encoder.provider, 'webgpu');
  t.comment(`in ${encoder.precision}`);
  const limit = encoder.precision === 'float16' ? 1e-2 : 1e-4;
  const distance = relativeDistance(onlyTensor(await encoder.run(images)), expected);
  t.ok(distance <= limit, `two images together: off by ${distance}`);
  for (const [i, image] of images.entries()) {
    const one = onlyTensor(await encoder.run([image]));
    const same = expected.subarray(i * one.length, (i + 1) * one.length);
    const apart = relativeDistance(one, same);
    t.ok(apart <= limit, `image ${i} alone: off by ${apart}`);
  }
});

t.test('16 bits are taken where they are, and missed by their name', { skip: noGpu }, async (t) => {
  const { precision } = await open('webgpu', 'auto');
  t.equal((await open('webgpu', 'float32')).precision, 'float32');
  if (precision === 'float16') {
    t.equal((await open('webgpu', 'float16')).precision, 'float16');
    return;
  }
  await t.rejects(open('webgpu', 'float16'), {
    name: 'OperatorError',
    message: /^the GPU of "webgpu".* does not compute in 16 bits.*f16.*SAM_ENCODER_PRECISION=auto/,
  });
  // What failed has left nothing behind.
  t.ok(await (await open('webgpu', 'auto')).run([photograph(SIDE, SIDE)]));
});

t.test('a GPU that is not there is missed at once', async (t) => {
  const started = performance.now();
  const service = await ServiceProcess.launch({ SAM_DEVICE: 'webgpu', VK_ICD_FILENAMES: '/none' });
  t.equal((await service.ended()).code, 1);
  t.match(
    service.errors.join('\n'),
    /"webgpu" cannot be loaded \(.*\): it needs a GPU with a Vulkan/,
  );
  t.comment(`within ${Math.round(performance.now() - started)} ms`);
});
