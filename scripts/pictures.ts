import { readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';

/**
 * Makes the README's pictures from docs/drawing.svg, with a service that runs already: npm run pictures, or
 * npm run pictures -- http://localhost:8080
 */
const [service = 'http://localhost:8080'] = process.argv.slice(2);
const docs = new URL('../docs/', import.meta.url);
const drawing = await sharp(readFileSync(new URL('drawing.svg', docs)))
  .flatten()
  .png()
  .toBuffer();

async function ask(path: string, fields: Record<string, unknown>, accept: string): Promise<Buffer> {
  const form = new FormData();
  form.set('image', new Blob([drawing]), 'drawing.png');
  for (const [name, value] of Object.entries(fields)) form.set(name, JSON.stringify(value));
  const response = await fetch(service + path, { method: 'POST', body: form, headers: { accept } });
  if (!response.ok) throw new Error(await response.text());
  return Buffer.from(await response.arrayBuffer());
}

const prompts = [
  { point_coords: [[200, 330]], point_labels: [1], multimask_output: false },
  { box: [530, 230, 810, 485] },
  {
    point_coords: [
      [370, 540],
      [395, 150],
    ],
    point_labels: [1, 0],
  },
];
const pictures = {
  overlay: await ask('/segment?overlay=1', { prompts }, 'image/png'),
  cutout: await ask('/segment', { box: [295, 488, 445, 582], format: 'cutout' }, 'image/png'),
  everything: await ask('/everything?overlay=1', {}, 'image/png'),
};
for (const [name, picture] of Object.entries(pictures)) {
  // Of a cut-out what is not transparent, of the others half.
  const smaller = name === 'cutout' ? sharp(picture).trim() : sharp(picture).resize({ width: 640 });
  const small = smaller.png({ palette: true, quality: 90 });
  writeFileSync(new URL(`${name}.png`, docs), await small.toBuffer());
}
