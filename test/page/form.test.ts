import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { iouOfRuns, runsOf } from '../fixtures/bitmap.js';
import { draw, scene } from '../fixtures/scenes.js';
import { sharedService } from '../fixtures/service.js';
import { openPage } from './fixtures/open-page.js';
import { Session } from './fixtures/session.js';
import { inBrowser } from './fixtures/shared-browser.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const drawing = scene(1);
const [disc, triangle] = drawing.shapes;

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string }[];
}

t.test('by keyboard alone', inBrowser, async (t) => {
  const { url } = await sharedService(t);
  const { page } = await openPage(t, url);
  const session = new Session(page);
  const { keyboard } = page;
  await assertAccessible(t, page, 'the start');
  // To the first sample.
  await tabTo(page, 'House');
  await keyboard.press('Enter');
  await session.decodesHere();
  await session.button('New image').press('Enter');
  await session.open(await draw(drawing));

  await tabTo(page, 'Image');
  await walk(page, [90, 90]);
  await keyboard.press('Enter');
  await session.answered();
  await keyboard.press('2');
  t.ok(await page.getByRole('radio').nth(1).isChecked(), 'a candidate');
  t.equal((await session.masks()).length, 1);

  await tabTo(page, 'Image');
  await keyboard.press('n');
  await walk(page, [226, 26]);
  await keyboard.press('r');
  await walk(page, [374, 154]);
  await keyboard.press('Enter');
  const [, boxed] = await session.masks();
  t.ok(iou(boxed?.counts, triangle) > 0.9, `a box: ${iou(boxed?.counts, triangle)}`);
  await tabTo(page, 'Image');
  await walk(page, [250, 100]);
  await keyboard.press('Shift+Enter');
  t.equal((await session.masks()).length, 2);
  await keyboard.press('Control+z');
  t.same((await session.masks())[1]?.counts, boxed?.counts, 'undone');
  await keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await assertAccessible(t, page, 'the help');
  await keyboard.press('Escape');
  t.equal(await page.getByRole('dialog').count(), 0);
  await assertAccessible(t, page, 'at work');
});

t.test('on a phone in the dark', inBrowser, async (t) => {
  const { url } = await sharedService(t);
  const { page } = await openPage(t, url, {
    viewport: { width: 360, height: 740 },
    deviceScaleFactor: 2,
    hasTouch: true,
    isMobile: true,
    colorScheme: 'dark',
  });
  const session = new Session(page);
  t.ok(await page.getByText('Take a photograph').isVisible(), 'there is a camera');
  await assertFits(t, page, 'the start');
  await assertAccessible(t, page, 'the start');
  await session.open(await draw(drawing));
  const { x, y } = await session.canvas.screen(disc?.point ?? [0, 0]);
  await page.touchscreen.tap(x, y);
  await session.answered();
  const masks = [];
  for (const radio of await page.getByRole('radio').all()) {
    await radio.check();
    masks.push(...(await session.masks()));
  }
  const best = Math.max(...masks.map(({ counts }) => iou(counts, disc)));
  t.ok(best > 0.95, `a finger is a click: ${best}`);
  await assertFits(t, page, 'at work');
  await assertAccessible(t, page, 'at work');
});

const iou = (counts: readonly number[] = [], shape = disc) =>
  iouOfRuns(counts, runsOf(drawing.width, drawing.height, shape?.inside ?? (() => false)));

/** Presses Tab until that element has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    const focused = await page.evaluate(() => {
      const { activeElement } = document;
      return activeElement?.getAttribute('aria-label') ?? activeElement?.textContent?.trim();
    });
    if (focused === name) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${name} is not to be reached`);
}

/** Moves the cursor by arrow keys until it is at a place of the image, or as near as it comes. */
async function walk(page: Page, [x, y]: readonly [number, number]): Promise<void> {
  const log = page.getByRole('log');
  const at = async () => ((await log.textContent()) ?? '').split(',').map(Number);
  // Whatever was said before: two steps say where it is.
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction(() =>
    /^\d+, \d+$/.test(document.querySelector('[role=log]')?.textContent ?? ''),
  );
  for (let i = 0; i < 400; i++) {
    const [column = 0, row = 0] = await at();
    const [dx, dy] = [x - column, y - row];
    if (Math.abs(dx) <= 2 && Math.abs(dy) <= 2) return;
    const along = Math.abs(dx) > 2 ? dx : dy;
    const key =
      along === dx ? (dx > 0 ? 'ArrowRight' : 'ArrowLeft') : dy > 0 ? 'ArrowDown' : 'ArrowUp';
    await page.keyboard.press(Math.abs(along) > 10 ? key : `Shift+${key}`);
  }
  throw new Error('the cursor does not get there');
}

/** Nothing lies beside the screen. */
async function assertFits(t: Test, page: Page, what: string): Promise<void> {
  const [width, screen] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  t.ok((width ?? 0) <= (screen ?? 0), `${what}: ${width} of ${screen} pixels wide`);
}

/** axe-core finds nothing serious, nor anything critical. */
async function assertAccessible(t: Test, page: Page, what: string): Promise<void> {
  // Not as a script of the page, whose policy forbids it.
  await page.evaluate(AXE);
  const violations = (await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: unknown }> };
    };
    return (await axe.run()).violations;
  })) as Violation[];
  const bad = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  t.same(
    bad.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
    [],
    what,
  );
}
