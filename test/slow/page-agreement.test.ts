import { existsSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import t from 'tap';
import { startChromium } from '../fixtures/chromium.js';
import { draw, scene } from '../fixtures/scenes.js';
import { sharedService } from '../fixtures/service.js';
import { type Asked, assertAgreement } from '../page/fixtures/agreement.js';
import { openPage } from '../page/fixtures/open-page.js';
import { Session } from '../page/fixtures/session.js';
import { inBrowser } from '../page/fixtures/shared-browser.js';

const REFERENCE = new URL('../../../shared/reference/', import.meta.url);

/** What is asked of the photographs: a wheel and its truck, a bag of groceries. */
const PHOTOGRAPHS: Readonly<Record<string, Asked>> = {
  'truck.jpg': {
    point: [500, 375],
    another: [1125, 625],
    beside: [300, 1100],
    box: [425, 600, 700, 875],
  },
  'groceries.jpg': {
    point: [400, 300],
    another: [430, 340],
    beside: [60, 60],
    box: [250, 150, 550, 450],
  },
};

for (const [name, asked] of Object.entries(PHOTOGRAPHS)) {
  const file = new URL(name, REFERENCE);
  const skip = inBrowser.skip || (existsSync(file) ? false : `${name} is not on this machine`);
  t.test(`${name}: browser and server agree`, { skip }, async (t) => {
    const { url } = await sharedService(t);
    const session = new Session((await openPage(t, url)).page);
    await session.open(readFileSync(file), name, 'image/jpeg');
    await assertAgreement(t, session, asked);
  });
}

t.test('4000x3000: browser and server agree', inBrowser, async (t) => {
  const { url } = await sharedService(t);
  const session = new Session((await openPage(t, url)).page);
  await session.open(
    await sharp(await draw(scene(10)))
      .jpeg({ quality: 90 })
      .toBuffer(),
    'large.jpg',
    'image/jpeg',
  );
  await assertAgreement(t, session, {
    point: [900, 900],
    another: [1000, 1000],
    beside: [1900, 1900],
    box: [2300, 300, 3700, 1500],
  });
});

t.test('by WebGPU, which the processor plays here', inBrowser, async (t) => {
  const { url } = await sharedService(t);
  const browser = await startChromium(t, [
    '--enable-unsafe-webgpu',
    '--use-webgpu-adapter=swiftshader',
  ]);
  const { page } = await openPage(t, url, { browser, hasTouch: true });
  // A decode takes it some ten seconds, and minutes on a busy machine.
  page.setDefaultTimeout(400_000);
  const session = new Session(page);
  // A finger asks for no previews.
  const tap = async () => {
    const { x, y } = await session.canvas.screen([90, 90]);
    await page.touchscreen.tap(x, y);
  };
  await session.open(await draw(scene(1)));
  await session.decodeBy('webgpu');
  await page.locator('.badge[data-place="webgpu"]').waitFor();
  await tap();
  const [gpu] = await session.masks();
  t.equal(await page.locator('.badge').getAttribute('data-place'), 'webgpu');
  await session.decodeBy('wasm');
  await page.locator('.badge[data-place="wasm"]').waitFor();
  await session.button('Clear all').click();
  await tap();
  const [wasm] = await session.masks();
  t.ok(Math.abs((gpu?.predicted_iou ?? 0) - (wasm?.predicted_iou ?? 1)) <= 1e-2, 'as wasm does');
});
