import t from 'tap';
import { iouOfRuns, runsOf } from '../fixtures/bitmap.js';
import { until } from '../fixtures/gauges.js';
import { draw, scene } from '../fixtures/scenes.js';
import { sharedService } from '../fixtures/service.js';
import { openPage } from './fixtures/open-page.js';
import { type Annotation, Session } from './fixtures/session.js';
import { inBrowser } from './fixtures/shared-browser.js';

const drawing = scene(2);
const [disc, triangle, left, right] = drawing.shapes as [
  (typeof drawing.shapes)[0],
  (typeof drawing.shapes)[0],
  (typeof drawing.shapes)[0],
  (typeof drawing.shapes)[0],
];
const iou = (mask: Annotation | undefined, shape: (typeof drawing.shapes)[0]) =>
  iouOfRuns(mask?.counts ?? [], runsOf(drawing.width, drawing.height, shape.inside));

t.test('an image is segmented in the page', inBrowser, async (t) => {
  const { url } = await sharedService(t);
  const { page, requests } = await openPage(t, url);
  const session = new Session(page);
  const { canvas, objects } = session;
  // What follows the end of a PNG makes it another file: one that no other test has had embedded.
  await session.open(Buffer.concat([await draw(drawing), Buffer.from('session')]));
  const first = objects.first();

  t.test('its steps are shown with their times', async (t) => {
    for (const stage of ['hash', 'upload', 'encode', 'fetch', 'ready']) {
      t.match(await page.locator(`[data-stage="${stage}"]`).textContent(), /ms|not needed/, stage);
    }
    t.match(await page.locator('.badge').textContent(), /this browser: wasm/);
  });

  t.test('where the mouse is, the mask of a click there is seen', async (t) => {
    t.equal(await canvas.opacityAt([disc.point[0] + 40, disc.point[1]]), 0);
    await canvas.move(disc.point);
    await page.waitForFunction(previewed);
    t.equal(await first.getAttribute('data-state'), 'empty', 'nothing has been asked');
    t.equal(await page.locator('.badge output').count(), 0, 'nor is anything else told');
    // Smaller than it is, the image has smaller previews, and they lie where the mask of a click would.
    const stage = page.locator('.stage');
    const view = await stage.getAttribute('data-view');
    await page.setViewportSize({ width: 1000, height: 500 });
    t.ok(await until(async () => (await stage.getAttribute('data-view')) !== view));
    const [x1, , x2, y2] = disc.box;
    await canvas.move([disc.point[0], disc.point[1] + 5]);
    // The preview of before is there until the page has its new size and another is made.
    const [inside, outside] = [y2 - 12, y2 + 12].map((y) => [(x1 + x2) / 2, y] as const);
    t.ok(
      await until(async () => {
        const seen = [await canvas.opacityAt(inside), await canvas.opacityAt(outside)];
        return seen[0] !== 0 && seen[1] === 0;
      }),
      'up to the edge of the disc',
    );
    await page.setViewportSize({ width: 1280, height: 800 });
    t.ok(await until(async () => (await stage.getAttribute('data-view')) === view));
    await session.button('Help').hover();
    await page.waitForFunction(notPreviewed);
    t.pass('and when it leaves no more');
  });

  t.test('a click makes three candidates', async (t) => {
    await canvas.click(disc.point);
    await session.answered();
    const candidates = page.getByRole('radio');
    t.equal(await candidates.count(), 3);
    const seen = [];
    for (const key of ['1', '2', '3']) {
      await page.keyboard.press(key);
      t.ok(await candidates.nth(Number(key) - 1).isChecked(), `key ${key}`);
      seen.push(...(await session.masks()));
    }
    t.equal(seen.length, 3);
    t.same(
      [...seen].sort((a, b) => b.predicted_iou - a.predicted_iou),
      seen,
      'best first',
    );
    const best = Math.max(...seen.map((mask) => iou(mask, disc)));
    t.ok(best > 0.95, `one of them is the disc: ${best}`);
    await canvas.move([disc.point[0] + 5, disc.point[1]]);
    await page.mouse.wheel(0, 100);
    t.ok(await candidates.nth(0).isChecked(), 'the wheel goes round');
    await candidates.nth(1).check();
    t.same((await session.masks())[0]?.counts, seen[1]?.counts, 'and so do clicks');
  });

  t.test('what is undone is done again', async (t) => {
    await page.keyboard.press('Control+z');
    t.equal(await first.getAttribute('data-state'), 'empty');
    t.equal(await session.button('Undo').isDisabled(), true);
    await page.keyboard.press('Control+y');
    t.equal(await first.getAttribute('data-state'), 'answered');
    await session.button('Undo').click();
  });

  t.test('two that touch: points that are not meant take one away', async (t) => {
    await canvas.click([380, 460]);
    await canvas.click(right.point);
    await session.answered();
    await canvas.click(left.point, { button: 'right' });
    const [refined] = await session.masks();
    t.ok(iou(refined, right) > 0.9, `by the right button: ${iou(refined, right)}`);
    await session.button('Undo').click();
    await canvas.click(left.point, { modifiers: ['Alt'] });
    const [again] = await session.masks();
    t.same(again?.counts, refined?.counts, 'or with Alt');
    await session.button('Undo').click();
    await session.button('Subtract from the object').click();
    await canvas.click(left.point);
    t.same((await session.masks())[0]?.counts, refined?.counts, 'or with the tool');
    await session.button('Add to the object').click();
  });

  t.test('several objects', async (t) => {
    await session.button('New object').click();
    const [x1, y1, x2, y2] = triangle.box;
    await canvas.drag([x1, y1], [x2, y2]);
    let masks = await session.masks();
    t.equal(masks.length, 2);
    t.ok(iou(masks[1], triangle) > 0.9, `a box: ${iou(masks[1], triangle)}`);
    await page.getByLabel('Name of Object 2').fill('triangle');
    await page.keyboard.press('Tab');
    masks = await session.masks();
    t.same(
      masks.map(({ name }) => name),
      ['Object 1', 'triangle'],
    );
    await session.button('Remove Object 1').click();
    t.equal(await objects.count(), 1);
    t.equal((await session.masks())[0]?.name, 'triangle');
    await session.button('Clear all').click();
    t.equal(await first.getAttribute('data-state'), 'empty');
  });

  t.test('a brush paints a mask to start from', async (t) => {
    await session.button('Brush').click();
    await page.getByLabel('Width of the brush').fill('60');
    const [x, y] = disc.point;
    await canvas.drag(
      [x - 50, y - 30],
      [x + 50, y - 30],
      [x, y],
      [x - 50, y + 30],
      [x + 50, y + 30],
    );
    const [painted] = await session.masks();
    t.ok(iou(painted, disc) > 0.8, `the disc: ${iou(painted, disc)}`);
    await session.button('Points and boxes').click();
    await session.button('Clear all').click();
  });

  t.test('a box is zoomed into, and points stay true', async (t) => {
    await canvas.move(triangle.point);
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -400);
    await page.keyboard.up('Control');
    await canvas.click(triangle.point);
    const [mask] = await session.masks();
    t.ok(iou(mask, triangle) > 0.9, `${iou(mask, triangle)}`);
    await session.button('See the whole image').click();
  });

  t.equal(requests.filter((request) => request.url().endsWith('/decode')).length, 0);
});

/** In the page: whether anything is drawn above the image. */
function previewed(): boolean {
  const canvas = document.querySelector<HTMLCanvasElement>('[data-layer="marks"]');
  const { width = 0, height = 0 } = canvas ?? {};
  const pixels = canvas?.getContext('2d')?.getImageData(0, 0, width, height).data;
  return pixels?.some((value) => value > 0) ?? false;
}

function notPreviewed(): boolean {
  const canvas = document.querySelector<HTMLCanvasElement>('[data-layer="marks"]');
  const { width = 0, height = 0 } = canvas ?? {};
  const pixels = canvas?.getContext('2d')?.getImageData(0, 0, width, height).data;
  return !pixels?.some((value) => value > 0);
}
