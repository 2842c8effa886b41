/**
 * Takes README's picture of the page, docs/page.png: a drawn image with some objects. Needs the service built, and
 * Debian's chromium.
 */
import { pino } from 'pino';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { createApp } from '#src/app.js';
import { loadConfig } from '#src/config.js';

const TARGET = new URL('../docs/page.png', import.meta.url).pathname;
const WIDE = { width: 1280, height: 800 };

const config = loadConfig({ LOG_LEVEL: 'silent' });
const app = await createApp(config, pino({ level: 'silent' }));
const url = await app.server.listen({ host: '127.0.0.1', port: 0 });
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const page = await browser.newPage({ viewport: WIDE });
page.setDefaultTimeout(120_000);
await page.goto(url);
await page.getByRole('button', { name: 'House' }).click();
await page.locator('.badge[data-place="wasm"]').waitFor();

const stage = page.locator('.stage');
const frame = await stage.boundingBox();
const view = JSON.parse((await stage.getAttribute('data-view')) ?? '{}');
const screen = (x: number, y: number) =>
  [(frame?.x ?? 0) + view.x + x * view.scale, (frame?.y ?? 0) + view.y + y * view.scale] as const;
const answered = () =>
  page.locator('.objects li[data-state="pending"]').first().waitFor({ state: 'detached' });
const object = () => page.getByRole('button', { name: 'New object' }).click();

// The tree by a point, the car by a box, the balloon by a point with its candidates to be seen.
await page.mouse.click(...screen(200, 330));
await answered();
await object();
await page.mouse.move(...screen(292, 485));
await page.mouse.down();
await page.mouse.move(...screen(448, 585), { steps: 4 });
await page.mouse.up();
await answered();
await object();
await page.mouse.click(...screen(345, 120));
await answered();
await page.getByLabel('Name of Object 1').fill('Tree');
await page.getByLabel('Name of Object 2').fill('Car');
await page.getByLabel('Name of Object 3').fill('Balloon');
await page.getByLabel('Name of Object 3').blur();

await sharp(await page.screenshot())
  .png({ palette: true, colours: 128, compressionLevel: 9 })
  .toFile(TARGET);
await browser.close();
await app.close();
