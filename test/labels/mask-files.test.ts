import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import t from 'tap';
import { readMaskFiles } from '#src/labels/mask-files.js';

/** 4 x 3 pixels, of which each letter is a colour and a dot is black. */
async function png(rows: readonly string[], colours: Record<string, readonly number[]>) {
  const pixels = rows.flatMap((row) => [...row].flatMap((key) => colours[key] ?? [0, 0, 0]));
  const raw = { width: 4, height: 3, channels: 3 } as const;
  return sharp(Uint8Array.from(pixels), { raw }).png().toBuffer();
}

const COLOURS = { w: [255, 255, 255], r: [128, 0, 0], g: [0, 128, 0] };
const DRAWN = ['rr..', 'rr.g', '...g'];

t.test('masks and images of the same name', async (t) => {
  const folder = t.testdir({
    images: { bear: { '1.jpg': '', '2.jpg': '' }, 'c.jpeg': '' },
    masks: {},
  });
  const masks = join(folder, 'masks');
  mkdirSync(join(masks, 'bear'));
  const files = {
    'bear/1.png': await png(['.ww.', '.ww.', '....'], COLOURS),
    'bear/2.png': await png(['....', '....', '....'], COLOURS),
    'c.png': await png(['w...', '....', '....'], COLOURS),
    'd.png': await png(DRAWN, COLOURS),
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(masks, name), bytes);
  writeFileSync(join(masks, 'bear', '3.png'), files['d.png']);
  writeFileSync(join(folder, 'images', 'bear', '3.webp'), '');
  writeFileSync(join(folder, 'images', 'e.jpg'), '');
  writeFileSync(join(masks, 'e.png'), 'no PNG');

  const { objects, skipped } = await readMaskFiles(masks, join(folder, 'images'));
  t.match(objects, [
    { id: 'bear/1.png', width: 4, height: 3, pixels: 4, area: 4, box: [1, 0, 3, 2] },
    { id: 'bear/3.png', pixels: 6, box: [0, 0, 4, 3] },
  ]);
  t.equal(objects[1]?.image, join(folder, 'images', 'bear', '3.webp'));
  t.strictSame(objects[0]?.mask(), [3, 2, 1, 2, 4]);
  const counts = skipped.reasons.map(({ reason, count }) => [reason, count]);
  t.strictSame(Object.fromEntries(counts), {
    'mask is empty': 1,
    'mask has one pixel': 1,
    'image is missing': 1,
    'mask is unreadable': 1,
  });

  const coloured = await readMaskFiles(masks, join(folder, 'images'), 'colour');
  t.strictSame(
    coloured.objects.map(({ id, pixels }) => [id, pixels]),
    [
      ['bear/1.png#ffffff', 4],
      ['bear/3.png#008000', 2],
      ['bear/3.png#800000', 4],
    ],
  );
  t.strictSame(coloured.objects[1]?.mask(), [10, 2]);
});

t.test('what is not there, or stands for two', async (t) => {
  const folder = t.testdir({ images: { 'a.jpg': '', 'a.png': '' }, masks: {} });
  const read = (images: string) => readMaskFiles(join(folder, 'masks'), join(folder, images));
  await t.rejects(read('images'), /a\.jpg and a\.png have the same name/);
  await t.rejects(read('gone'), /gone: there is no such folder/);
});
