import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import type { RgbImage } from '#src/core/image.js';
import { decodeImage } from '#src/image/decode.js';
import { toModelSize } from '#src/image/preprocess.js';
import { Graph } from '#src/onnx/graph.js';
import { writeModel } from '#src/onnx/write-model.js';
import { withPreprocessing } from '#src/sam/encoder/preprocess.js';
import { treeOf } from '../attack/process-tree.js';
import { photograph } from '../test/fixtures/pictures.js';
import { freePort, ServiceProcess } from '../test/fixtures/service-process.js';
import { variants } from './contest.js';
import { interleaved } from './interleaved.js';
import { MEAN, plainInput, SIDE, STD } from './plain-pixels.js';

/**
 * From a JPEG to what an encoder computes with, against the plain code that did it before; then photographs a second over
 * HTTP into a network that is replaced by a timer: `npm run bench:pixels`, or `-- truck.jpg` for a photograph of one's own.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
const NETWORK_MS = 10;
const IMAGES = 600;
const [file] = process.argv.slice(2);

/** The photograph in a size, as a camera writes it. */
async function jpeg(width: number, height: number): Promise<Buffer> {
  const { data, ...raw } = photograph(width, height);
  const picture = file
    ? sharp(readFileSync(file))
    : sharp(data, { raw: { ...raw, channels: 3 } }).blur(1);
  return picture.resize(width, height, { fit: 'fill' }).jpeg({ quality: 90 }).toBuffer();
}

/** What stands before an encoder, alone. */
const g = Graph.create('echo');
g.output('same', g.input('input', ['B', 3, SIDE, SIDE]), ['B', 3, SIDE, SIDE]);
const session = await InferenceSession.create(
  writeModel(withPreprocessing(g.toModel(), { side: SIDE, pixelMean: MEAN, pixelStd: STD })),
  { intraOpNumThreads: 1, logSeverityLevel: 3 },
);

async function inGraph({ data, width, height }: RgbImage): Promise<void> {
  const square = new Uint8Array(3 * SIDE * SIDE);
  square.set(data);
  await session.run({
    pixels: new Tensor('uint8', square, [1, SIDE, SIDE, 3]),
    sizes: new Tensor('float32', Float32Array.of(height, width), [1, 2]),
  });
}

for (const [width, height] of [
  [1800, 1200],
  [4000, 3000],
  [1024, 768],
] as const) {
  const image = await jpeg(width, height);
  const decoded = () => decodeImage(image, { maxPixels: 5e7 });
  const pixels = toModelSize(await decoded(), SIDE);
  const plain = plainInput(await decoded()).pixels;
  if (Buffer.compare(pixels.data, plain.data) !== 0) throw new Error('the pixels are not the same');
  await interleaved(
    `${width}x${height}, a JPEG of ${Math.round(image.length / 1000)} kB`,
    [
      {
        name: 'before: decoded, resized, normalised',
        run: async () => plainInput(await decoded()),
      },
      { name: 'now: decoded, resized', run: async () => toModelSize(await decoded(), SIDE) },
      {
        name: 'now, and normalised as the graph does it',
        run: async () => inGraph(toModelSize(await decoded(), SIDE)),
      },
      { name: 'of that: decoded', run: decoded },
    ],
    { rounds: 20, warmUp: 3 },
  );
}

/** Processor seconds so far, by who took them. */
function processorSeconds(pid: number): Record<string, number> {
  const ticks = (path: string) => {
    const text = readFileSync(path, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  };
  const threads = readdirSync(`/proc/${pid}/task`);
  const all = ticks(`/proc/${pid}/stat`);
  const main = ticks(`/proc/${pid}/task/${threads[0]}/stat`);
  const images = treeOf(pid).slice(1);
  return {
    'main thread': main,
    'other threads': all - main,
    'image processes': images.reduce((sum, id) => sum + ticks(`/proc/${id}/stat`), 0),
  };
}

/** Where the network is a timer, and decoding has what a GPU leaves it. */
class Timed extends ServiceProcess {
  static async start(settings: Record<string, string>): Promise<Timed> {
    const hook = fileURLToPath(new URL('./timer-network.mjs', import.meta.url));
    const timed = new Timed(await freePort(), {
      LOG_LEVEL: 'silent',
      NODE_OPTIONS: `--import=${hook}`,
      TIMER_MS: String(NETWORK_MS),
      SAM_ENCODE_QUEUE: '64',
      SAM_ENCODE_BATCH: '4',
      ...settings,
    });
    await timed.ready();
    return timed;
  }
}

const small = await jpeg(1024, 768);
console.log(
  `${IMAGES} JPEGs of 1024x768, ${availableParallelism()} cores, a network of ${NETWORK_MS} ms`,
);
for (const workers of [1, 2]) {
  const service = await Timed.start({ SAM_IMAGE_WORKERS: String(workers) });
  const body = variants(small);
  const send = (amount: number) =>
    autocannon({
      url: service.url,
      connections: 16,
      amount,
      requests: [
        {
          method: 'POST',
          path: '/embed',
          headers: { 'content-type': 'image/jpeg' },
          setupRequest: (base) => ({ ...base, body: body() }),
        },
      ],
    });
  await send(60);
  const before = processorSeconds(service.pid);
  const { duration, errors, non2xx, latency } = await send(IMAGES);
  if (errors + non2xx > 0) throw new Error('requests failed');
  const after = processorSeconds(service.pid);
  const perImage = Object.keys(after).map((who) => {
    const ms = (1000 * ((after[who] as number) - (before[who] as number))) / IMAGES;
    return `${who} ${ms.toFixed(1)}`;
  });
  console.log(
    `  ${workers} image workers: ${(IMAGES / duration).toFixed(1)} images/s, p50 ${latency.p50} ms; ` +
      `processor ms an image: ${perImage.join(', ')}`,
  );
  await service.stop();
}
