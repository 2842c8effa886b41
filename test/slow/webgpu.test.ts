import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint } from '#src/checkpoint/checkpoint.js';
import { concat } from '#src/core/tensors/tensor.js';
import { encoderNetwork, ImageEncoder } from '#src/engine/image-encoder.js';
import { readManifest } from '#src/engine/manifest.js';
import { type EmbeddingFloats, MaskDecoder } from '#src/engine/mask-decoder.js';
import { findModel } from '#src/engine/model-files.js';
import { decodeImage } from '#src/image/decode.js';
import { toModelSize } from '#src/image/preprocess.js';
import { writeModel } from '#src/onnx/write-model.js';
import { buildMobileSamEncoder } from '#src/sam/encoder/mobile-sam-encoder.js';
import { decoderWeights } from '#src/sam/weights/state-dict.js';
import type { Weights } from '#src/sam/weights/weights.js';
import { relativeDistance } from '../fixtures/distance.js';
import { fillModelsFolder } from '../fixtures/models.js';
import { photograph } from '../fixtures/pictures.js';
import { draw, scene } from '../fixtures/scenes.js';
import { ServiceProcess } from '../fixtures/service-process.js';
import { noGpu, SWIFTSHADER } from '../fixtures/swiftshader.js';
import {
  onlyTensor,
  openEncoder as openModel,
  sceneInput,
  shippedEncoder,
} from '../sam/fixtures/encoders.js';

if (noGpu) t.comment(noGpu);
else Object.assign(process.env, SWIFTSHADER);
/** A processor that plays a GPU takes minutes, and the tests beside this one take it away. */
const options = { skip: noGpu, timeout: 3_600_000 };

const on = (device: 'cpu' | 'webgpu') => ({
  device,
  threads: 2,
  gpuTurn: new SharedArrayBuffer(4),
});

async function openEncoder(
  models: string,
  name: string,
  device: 'cpu' | 'webgpu',
): Promise<ImageEncoder> {
  const { manifest, encoderPath } = await findModel(models, name);
  return ImageEncoder.open(encoderNetwork(manifest, encoderPath, 'auto'), 1024, on(device));
}

/** A point and a box, each with a padding point or without, as two prompts of one run. */
const PROMPTS = {
  coords: Float32Array.of(300, 300, 0, 0, 100, 100, 600, 500),
  labels: Float32Array.of(1, -1, 2, 3),
  prompts: 2,
};

async function decode(weights: Weights, embedding: EmbeddingFloats, device: 'cpu' | 'webgpu') {
  const decoder = await MaskDecoder.open(weights, on(device));
  const context = await decoder.context(embedding);
  const masks = await decoder.run(context, PROMPTS, true);
  return {
    logits: concat(masks.map(({ logits }) => logits)),
    ious: Float32Array.from(masks, ({ predictedIou }) => predictedIou),
  };
}

t.test('a checkpoint, encoded two at a time and decoded', options, async (t) => {
  const models = t.testdir({});
  await fillModelsFolder(models);
  const images = [photograph(1024, 700, 1), photograph(500, 1024, 2)];
  const expected = await (await openEncoder(models, 'tiny', 'cpu')).run(images);
  const encoder = await openEncoder(models, 'tiny', 'webgpu');
  const start = performance.now();
  const actual = await encoder.run(images);
  t.comment(`two images in ${encoder.precision}: ${Math.round(performance.now() - start)} ms`);
  const distance = relativeDistance(onlyTensor(actual), onlyTensor(expected));
  const limit = encoder.precision === 'float16' ? 1e-2 : 1e-3;
  t.ok(distance <= limit, `off by ${distance} of its norm`);

  const { checkpoint } = (await readManifest(models, 'tiny')) as { checkpoint: { file: string } };
  const file = openCheckpoint(join(models, checkpoint.file));
  t.teardown(() => file.close());
  const weights = decoderWeights(file.tensors);
  const half = onlyTensor(expected).length / 2;
  const embedding = {
    image_embeddings: { shape: [1, 256, 64, 64], data: onlyTensor(expected).slice(0, half) },
  };
  const onCpu = await decode(weights, embedding, 'cpu');
  const onGpu = await decode(weights, embedding, 'webgpu');
  t.equal(onGpu.ious.length, 6, 'three masks of each prompt');
  const logits = relativeDistance(onGpu.logits, onCpu.logits);
  t.ok(logits <= 1e-3, `logits off by ${logits} of their norm`);
  const ious = relativeDistance(onGpu.ious, onCpu.ious);
  t.ok(ious <= 1e-3, `predicted IoUs off by ${ious}`);
});

t.test('a service with two encode workers, batches and a full queue', options, async (t) => {
  const models = t.testdir({});
  await fillModelsFolder(models);
  const common = { SAM_MODELS_DIR: models, SAM_MODELS: 'tiny', LOG_LEVEL: 'info' };
  const service = await ServiceProcess.launch({
    ...common,
    SAM_DEVICE: 'webgpu',
    SAM_ENCODE_WORKERS: '2',
    SAM_ENCODE_BATCH: '2',
    SAM_ENCODE_QUEUE: '1',
    SAM_ENCODE_TIMEOUT_MS: '1200000',
    SAM_QUEUE_TIMEOUT_MS: '1200000',
    SAM_REQUEST_TIMEOUT_MS: '1200000',
    ...SWIFTSHADER,
  });
  t.teardown(() => service.stop());
  const onCpu = await ServiceProcess.launch(common);
  t.teardown(() => onCpu.stop());
  while (!(await fetch(`${service.url}/readyz`).catch(() => undefined))?.ok) {
    if (!service.alive) throw new Error(service.complaints.join('\n'));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await onCpu.ready();
  const { models: served } = (await (await fetch(`${service.url}/models`)).json()) as {
    models: { encoder: { provider: string; precision: string } }[];
  };
  t.match(served, [{ encoder: { provider: 'webgpu', precision: /^float(16|32)$/ } }]);

  const pictures = await Promise.all([0.5, 1, 1.5, 2, 2.5, 3].map((size) => draw(scene(size))));
  const embed = async (url: string, image: Buffer) => {
    const headers = { 'content-type': 'image/png' };
    const response = await fetch(`${url}/embed`, { method: 'POST', headers, body: image });
    return { status: response.status, body: (await response.json()) as { embedding_id: string } };
  };
  const answers = await Promise.all(pictures.map((picture) => embed(service.url, picture)));
  const statuses = answers.map(({ status }) => status);
  t.comment(statuses.join(' '));
  t.ok(statuses.includes(201) && statuses.includes(503), 'some are encoded, some refused');
  t.same(
    statuses.filter((status) => status !== 201 && status !== 503),
    [],
  );
  const floats = async (url: string, id: string) => {
    const headers = { accept: 'application/octet-stream' };
    const response = await fetch(`${url}/embeddings/${id}`, { headers });
    return new Float32Array(await response.arrayBuffer());
  };
  for (const [i, { status, body }] of answers.entries()) {
    if (status !== 201) continue;
    await embed(onCpu.url, pictures[i] as Buffer);
    const [gpu, cpu] = await Promise.all([
      floats(service.url, body.embedding_id),
      floats(onCpu.url, body.embedding_id),
    ]);
    t.equal(gpu.length, 256 * 64 * 64);
    const distance = relativeDistance(gpu, cpu);
    t.ok(distance <= 1e-2, `picture ${i} is off by ${distance} of its norm`);
  }
  t.ok(service.alive);
});

t.test('MobileSAM', options, async (t) => {
  const image = toModelSize(await decodeImage(await draw(scene(2)), { maxPixels: 1e7 }), 1024);
  const expected = onlyTensor(
    await (await openEncoder('models', 'mobile_sam', 'cpu')).run([image]),
  );
  const encoder = await openEncoder('models', 'mobile_sam', 'webgpu');
  const start = performance.now();
  const actual = onlyTensor(await encoder.run([image]));
  t.comment(`an image in ${encoder.precision}: ${Math.round(performance.now() - start)} ms`);
  const distance = relativeDistance(actual, expected);
  t.ok(distance <= (encoder.precision === 'float16' ? 1e-2 : 1e-3), `off by ${distance}`);
});

t.test('MobileSAM in 16 bits, on a CPU that has them for this alone', async (t) => {
  const image = await sceneInput(2);
  const encode = async (precision: 'float32' | 'float16') =>
    (await openModel(writeModel(buildMobileSamEncoder(shippedEncoder, precision, 'webgpu'))))(
      image,
    );
  const distance = relativeDistance(await encode('float16'), await encode('float32'));
  t.ok(distance > 1e-5 && distance <= 5e-3, `off by ${distance} of its norm`);
});
