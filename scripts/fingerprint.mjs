import { createHash } from 'node:crypto';
import { pino } from 'pino';
import sharp from 'sharp';
import { createApp } from '../dist/app.js';
import { loadConfig } from '../dist/config.js';

/** Prints hashes of embeddings and masks of a picture, for comparing versions of Node.js: equal to the bit, equal lines. */
const [width, height] = [300, 200];
const pixels = Buffer.alloc(3 * width * height);
for (let y = 0; y < height; y++) {
  for (let x = 0; x < width; x++) {
    const inside = (x - 110) ** 2 + (y - 90) ** 2 < 50 ** 2;
    pixels.set(inside ? [190, 60, 40] : [x % 256, y, 120], 3 * (y * width + x));
  }
}
const image = await sharp(pixels, { raw: { width, height, channels: 3 } })
  .png()
  .toBuffer();
const id = `mobile_sam:${createHash('sha256').update(image).digest('hex')}`;

for (const SAM_CACHE_DTYPE of ['float32', 'float16']) {
  // The order of additions follows the threads: as many everywhere.
  const settings = { SAM_CACHE_DTYPE, SAM_ENCODE_THREADS: '2', SAM_DECODE_THREADS: '1' };
  const app = await createApp(
    loadConfig({ ...settings, LOG_LEVEL: 'silent' }),
    pino({ level: 'silent' }),
  );
  await app.warmUp();
  const ask = async (name, request, part = (payload) => payload) => {
    const { statusCode, rawPayload } = await app.server.inject(request);
    if (statusCode > 201) throw new Error(`${name}: ${statusCode} ${rawPayload}`);
    const digest = createHash('sha256').update(part(rawPayload)).digest('hex');
    console.log(`${SAM_CACHE_DTYPE} ${name} ${digest}`);
  };
  const headers = { 'content-type': 'image/png' };
  const post = (url, payload) => ({ method: 'POST', url, payload });
  await ask(
    'id',
    { ...post('/embed', image), headers },
    (payload) => JSON.parse(payload).embedding_id,
  );
  for (const dtype of ['float32', 'float16']) {
    const url = `/embeddings/${id}?dtype=${dtype}`;
    await ask(`embedding as ${dtype}`, { url, headers: { accept: 'application/octet-stream' } });
  }
  const prompts = [{ point_coords: [[110, 90]], point_labels: [1] }, { box: [60, 40, 160, 140] }];
  for (const logits_dtype of ['float32', 'float16']) {
    const body = { embedding_id: id, prompts, return_logits: true, logits_dtype };
    const results = (payload) => JSON.stringify(JSON.parse(payload).results);
    await ask(`masks, logits as ${logits_dtype}`, post('/decode', body), results);
  }
  await app.close();
}
