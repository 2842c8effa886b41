import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import root from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { startService } from '../fixtures/service.js';
import { openPage } from './fixtures/open-page.js';
import { Session } from './fixtures/session.js';
import { inBrowser } from './fixtures/shared-browser.js';

const KEY = 'the-key-of-this-test';

root.test('where keys are needed the page asks for one, once', inBrowser, async (t) => {
  const file = join(root.testdir(), 'keys');
  writeFileSync(file, `page embed,decode ${createHash('sha256').update(KEY).digest('hex')}\n`);
  const { url } = await startService(root, { SAM_API_KEYS_FILE: file });
  const { page } = await openPage(t, url, { refusals: [401] });
  const session = new Session(page);
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  t.ok(await dialog.isVisible(), 'nothing works without');
  await page.getByLabel('Key', { exact: true }).fill('another');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Key', { exact: true }).fill(KEY);
  await session.button('Use it').click();
  await dialog.waitFor({ state: 'detached' });

  await session.open(await draw(scene(1)));
  await session.canvas.click([90, 90]);
  t.equal((await session.masks()).length, 1);
  await session.decodeBy('server');
  await session.button('Clear all').click();
  await session.canvas.click([90, 90]);
  t.equal((await session.masks()).length, 1, 'on the server too');
  await session.button('Copy as curl').click();
  await page.getByText('The request is on the clipboard').waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  t.notMatch(command, KEY, 'the key does not go where commands are kept');
  t.match(command, 'Bearer $SAM_API_KEY');

  await page.reload();
  await page.getByLabel('Choose an image').waitFor({ state: 'attached' });
  await session.open(await draw(scene(1)));
  t.equal(await dialog.count(), 0, 'it is kept');
  t.equal(await page.evaluate(() => localStorage.length), 0, 'for this tab only');
});

root.test(
  'addresses of images are asked for where the service fetches them',
  inBrowser,
  async (t) => {
    const { url } = await startService(root, { SAM_URL_SOURCES: 'images.example' });
    const { page } = await openPage(t, url, { refusals: [422] });
    await page.getByLabel('Address of an image').fill('https://elsewhere.example/photo.jpg');
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText('images are not fetched from this URL').waitFor();
    t.ok(await page.getByLabel('Choose an image').isEnabled(), 'and one is back at the start');
  },
);

root.test(
  'an image by its address is shown as the service has fetched it',
  inBrowser,
  async (t) => {
    const { url } = await startService(root, { SAM_URL_SOURCES: 'images.example' });
    const { page } = await openPage(t, url);
    const session = new Session(page);
    const file = await draw(scene(1));
    // No other host is to be had here: what the service would fetch comes along with the request.
    await page.route(/\/(embed|segment)\b/, (route) => {
      const body = route.request().postDataJSON();
      t.same(body.image, { url: 'https://images.example/folder/my%20photo.png' });
      const image = { base64: file.toString('base64') };
      return route.continue({ postData: JSON.stringify({ ...body, image }) });
    });
    await page
      .getByLabel('Address of an image')
      .fill('https://images.example/folder/my%20photo.png');
    await session.button('Open').click();
    await session.decodesHere();
    await page.getByText('my photo.png, 400 × 300').waitFor();
    await session.canvas.click([90, 90]);
    await session.answered();
    const { bytes } = await session.save('Cut-out');
    const { data } = await sharp(bytes).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    const original = await sharp(file).removeAlpha().raw().toBuffer();
    const at = 90 * 400 + 90;
    t.same([...data.subarray(4 * at, 4 * at + 3)], [...original.subarray(3 * at, 3 * at + 3)]);
  },
);
