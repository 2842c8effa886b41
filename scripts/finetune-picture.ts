import { readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';

/**
 * Makes the README's picture of what fine-tuning has changed, with a service that serves both models:
 * npm run finetune -- --demo, SAM_MODELS=mobile_sam,demo npm start, and then npm run pictures:finetune
 */
const [drawings = '.finetune/drawings', service = 'http://localhost:8080', trained = 'demo'] =
  process.argv.slice(2);
const file = readFileSync(`${drawings}/held-out/000.png`);
const { annotations } = JSON.parse(readFileSync(`${drawings}/held-out.json`, 'utf8')) as {
  annotations: { image_id: number; bbox: [number, number, number, number] }[];
};
/** A click in the middle of each object. */
const prompts = annotations
  .filter(({ image_id }) => image_id === 0)
  .map(({ bbox: [x, y, width, height] }) => ({
    point_coords: [[x + width / 2, y + height / 2]],
    point_labels: [1],
  }));

async function overlay(model: string): Promise<Buffer> {
  const form = new FormData();
  form.set('image', new Blob([file]), 'drawing.png');
  form.set('prompts', JSON.stringify(prompts));
  const url = `${service}/segment?overlay=1&model=${model}`;
  const response = await fetch(url, { method: 'POST', body: form });
  if (!response.ok) throw new Error(await response.text());
  return Buffer.from(await response.arrayBuffer());
}

const pictures = [await overlay('mobile_sam'), await overlay(trained)];
const { width = 0, height = 0 } = await sharp(pictures[0]).metadata();
const gap = 12;
const joined = sharp({
  create: { width: 2 * width + gap, height, channels: 3, background: 'white' },
}).composite(pictures.map((input, i) => ({ input, left: i * (width + gap), top: 0 })));
const small = await joined.png({ palette: true, quality: 90 }).toBuffer();
writeFileSync(new URL('../docs/finetuning.png', import.meta.url), small);
