import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Locator, Page } from 'playwright-core';
import t from 'tap';
import { iouOfRuns, runsOf } from '../fixtures/bitmap.js';
import { until } from '../fixtures/gauges.js';
import { draw, scene } from '../fixtures/scenes.js';
import { sharedService } from '../fixtures/service.js';
import { openPage } from './fixtures/open-page.js';
import { Session } from './fixtures/session.js';
import { inBrowser } from './fixtures/shared-browser.js';

const drawing = scene(1);
const [disc, triangle] = drawing.shapes;

t.test('everything is found, and picked', inBrowser, async (t) => {
  const { url } = await sharedService(t);
  const { page } = await openPage(t, url);
  const session = new Session(page);
  await session.open(await draw(drawing));
  await page.getByLabel('How closely to look').selectOption('Coarse');
  await session.button('Find everything').click();

  // What has been found is there to be picked while more is being looked for.
  const found = page.getByTestId('found');
  await found.filter({ hasText: /^[1-9]/ }).waitFor();
  await session.button('Find everything').waitFor();
  const count = Number.parseInt((await found.textContent()) ?? '', 10);
  t.ok(count >= 4, `${count} found`);

  const pasted = promisify(execFile)('bash', { maxBuffer: 2 ** 24 });
  pasted.child.stdin?.end(await copiedCommand(page));
  const { masks } = JSON.parse((await pasted).stdout);
  t.equal(masks.length, count, 'the request for them, pasted into a shell');

  await session.canvas.click(disc?.point ?? [0, 0]);
  await session.canvas.click(triangle?.point ?? [0, 0]);
  const picked = await session.masks();
  t.equal(picked.length, 2);
  for (const [i, shape] of [disc, triangle].entries()) {
    const inside = runsOf(drawing.width, drawing.height, shape?.inside ?? (() => false));
    const iou = iouOfRuns(picked[i]?.counts ?? [], inside);
    t.ok(iou > 0.95, `${shape?.name}: ${iou}`);
  }
  t.match(await found.textContent(), new RegExp(`^${count - 2} found`));
  await session.button('Keep all').click();
  t.equal((await session.masks()).length, count);

  t.test('what was picked is refined', async (t) => {
    await session.button('Select Object 1').click();
    await session.canvas.click([90, 70]);
    await session.answered();
    const [refined] = await session.masks();
    t.not(refined?.counts.join(), picked[0]?.counts.join(), 'it is another mask');
    const inside = runsOf(drawing.width, drawing.height, disc?.inside ?? (() => false));
    t.ok(iouOfRuns(refined?.counts ?? [], inside) > 0.9, 'of the same object');
  });

  t.test('quickly', async (t) => {
    const look = page.getByLabel('How closely to look');
    await look.selectOption('Fine, quick');
    t.match(await description(look), 'a third of the time', 'which is said');
    const sent = page.waitForRequest(/\/everything$/);
    await session.button('Find everything').click();
    t.match((await sent).postDataJSON(), { points_per_side: 32, strategy: 'adaptive' });
    await found.filter({ hasText: /^[1-9]/ }).waitFor();
    await session.button('Stop').click();
    t.match(await copiedCommand(page), '"points_per_side":32,"strategy":"adaptive"}');
  });

  t.test('a search is stopped', async (t) => {
    await page.getByLabel('How closely to look').selectOption('Fine, thorough');
    await session.button('Find everything').click();
    await session.button('Stop').click();
    t.ok(await session.button('Find everything').isEnabled());
  });
});

/** What a screen reader says of a control beside its name. */
function description(control: Locator): Promise<string> {
  return control.evaluate((element) => {
    const id = element.getAttribute('aria-describedby') ?? '';
    return document.getElementById(id)?.textContent ?? '';
  });
}

async function copiedCommand(page: Page): Promise<string> {
  // What was copied before is not to be taken for it.
  await page.evaluate(() => navigator.clipboard.writeText(''));
  await page.getByRole('button', { name: 'Copy as curl' }).click();
  const read = () => page.evaluate(() => navigator.clipboard.readText());
  await until(async () => (await read()) !== '');
  return read();
}
