import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { unzipSync } from 'fflate';
import sharp from 'sharp';
import t, { type Test } from 'tap';
import type { Polygon, Ring } from '#src/core/mask.js';
import { decompress, fromImage } from '#src/masks/formats/rle.js';
import { iouOfRuns } from '../fixtures/bitmap.js';
import { rasterise, readLabelStudio } from '../fixtures/mask-readers.js';
import { draw, scene } from '../fixtures/scenes.js';
import { sharedService } from '../fixtures/service.js';
import { openPage } from './fixtures/open-page.js';
import { type Annotation, Session } from './fixtures/session.js';
import { inBrowser } from './fixtures/shared-browser.js';

const drawing = scene(1);
const image = { width: drawing.width, height: drawing.height };
const [disc, , left, right] = drawing.shapes;

t.test('what is exported is what is shown', inBrowser, async (t) => {
  const { url } = await sharedService(t);
  const { page } = await openPage(t, url);
  const session = new Session(page);
  const file = await draw(drawing);
  await session.open(file, 'my scene.png');
  await session.canvas.click(disc?.point ?? [0, 0]);
  await session.button('New object').click();
  await session.canvas.click(left?.point ?? [0, 0]);
  await session.canvas.click(right?.point ?? [0, 0], { button: 'right' });
  await page.getByLabel('Name of Object 2').fill('left & <right>');
  await page.keyboard.press('Tab');

  const shown = await session.masks();
  t.equal(shown.length, 2);
  const counts = shown.map((mask) => mask.counts);
  const isShown = (t: Test, pixels: Uint8Array, i: number, form: string) =>
    t.same(fromImage(pixels, image), counts[i], `${form} ${i}`);

  t.test('COCO', async (t) => {
    const { name, bytes } = await session.save('COCO');
    const coco = JSON.parse(bytes.toString());
    t.equal(name, 'my-scene.coco.json');
    t.match(coco, {
      images: [{ id: 1, file_name: 'my scene.png', width: 400, height: 300 }],
      categories: [{ name: 'Object 1' }, { name: 'left & <right>' }],
      annotations: [{ image_id: 1, iscrowd: 0, segmentation: { size: [300, 400] } }, {}],
    });
    const [first] = shown as [Annotation];
    t.equal(
      first.area,
      first.counts.reduce((sum, count, i) => sum + (i % 2 ? count : 0), 0),
    );
  });

  t.test('masks as PNG', async (t) => {
    const { name, bytes } = await session.save('PNG mask');
    t.equal(name, 'my-scene.masks.zip');
    const entries = Object.entries(unzipSync(bytes));
    t.same(
      entries.map(([entry]) => entry),
      ['01-Object-1.png', '02-left-right.png'],
    );
    for (const [i, [, png]] of entries.entries()) {
      isShown(
        t,
        await sharp(png).toColourspace('b-w').extractChannel(0).raw().toBuffer(),
        i,
        'PNG',
      );
    }
  });

  t.test('cut-outs', async (t) => {
    const { bytes } = await session.save('Cut-out');
    const original = await sharp(file).removeAlpha().raw().toBuffer();
    for (const [i, png] of Object.values(unzipSync(bytes)).entries()) {
      const { data, info } = await sharp(png)
        .ensureAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true });
      t.match(info, image);
      isShown(t, await sharp(png).extractChannel(3).raw().toBuffer(), i, 'cut-out');
      const wrong = data.filter((value, at) => {
        const pixel = Math.floor(at / 4);
        const opaque = data[4 * pixel + 3] === 255;
        return opaque && at % 4 < 3 && value !== original[3 * pixel + (at % 4)];
      });
      t.equal(wrong.length, 0, 'in the colours of the image');
    }
  });

  t.test('outlines', async (t) => {
    const polygons = JSON.parse((await session.save('Polygons')).bytes.toString());
    const features = JSON.parse((await session.save('GeoJSON')).bytes.toString()).features;
    const svg = (await session.save('SVG')).bytes;
    for (const i of [0, 1]) {
      isShown(t, rasterise(polygons.masks[i].segmentation.polygons.flat(), image), i, 'polygons');
      const { type, coordinates } = features[i].geometry;
      const parts = (type === 'Polygon' ? [coordinates] : coordinates) as [number, number][][][];
      const rings: Ring[] = parts.flat().map((ring) => ring.slice(0, -1).flat());
      isShown(t, rasterise(rings, image), i, 'GeoJSON');
    }
    t.same(
      features.map((feature: { properties: { name: string } }) => feature.properties.name),
      ['Object 1', 'left & <right>'],
    );
    const drawn = await sharp(svg).ensureAlpha().extractChannel(3).raw().toBuffer();
    const union = rasterise(
      polygons.masks.flatMap((mask: { segmentation: { polygons: Polygon[] } }) =>
        mask.segmentation.polygons.flat(),
      ),
      image,
    );
    t.ok(iouOfRuns(fromImage(drawn, image), fromImage(union, image)) > 0.999, 'SVG');
  });

  t.test('Label Studio', async (t) => {
    const [task] = JSON.parse((await session.save('Label Studio')).bytes.toString());
    t.match(task.predictions[0].result, [
      { type: 'brushlabels', original_width: 400, value: { brushlabels: ['Object 1'] } },
      { value: { brushlabels: ['left & <right>'] } },
    ]);
    for (const [i, { value }] of task.predictions[0].result.entries()) {
      isShown(
        t,
        readLabelStudio(value.rle).filter((_, at) => at % 4 === 0),
        i,
        'Label Studio',
      );
    }
  });

  t.test('a cut-out on the clipboard', async (t) => {
    await session.button('Copy cut-out').click();
    await page.getByText('The cut-out is on the clipboard').waitFor();
    const size = await page.evaluate(async () => {
      const [item] = await navigator.clipboard.read();
      const blob = await item?.getType('image/png');
      const { width, height } = await createImageBitmap(blob as Blob);
      return [width, height];
    });
    t.same(size, shown[1]?.bbox.slice(2), 'no larger than the object');
  });

  t.test('the request, to be pasted into a shell', async (t) => {
    await session.button('Copy as curl').click();
    await page.getByText('The request is on the clipboard').waitFor();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    const pasted = promisify(execFile)('bash', { maxBuffer: 2 ** 24 });
    pasted.child.stdin?.end(command);
    const { stdout } = await pasted;
    const [mask] = JSON.parse(stdout).results[0].masks;
    const iou = iouOfRuns(decompress(mask.segmentation.counts), counts[1] ?? []);
    t.ok(iou >= 0.995, `answers with the mask that is shown: ${iou}`);
    t.ok(Math.abs(mask.predicted_iou - (shown[1]?.predicted_iou ?? 0)) <= 1e-3);
  });

  t.test('one object is one file', async (t) => {
    await session.button('Remove Object 1').click();
    const { name, bytes } = await session.save('PNG mask');
    t.equal(name, 'my-scene.mask.png');
    isShown(
      t,
      await sharp(bytes).toColourspace('b-w').extractChannel(0).raw().toBuffer(),
      1,
      'PNG',
    );
  });
});
