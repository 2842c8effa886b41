import { readFileSync } from 'node:fs';
import t from 'tap';
import { fillDetectorFolder } from '../fixtures/detector.js';
import { draw, scene } from '../fixtures/scenes.js';
import { sharedService, startService } from '../fixtures/service.js';
import { expected, referencePath, skip } from '../owl/fixtures/reference.js';
import { openPage } from '../page/fixtures/open-page.js';
import { Session } from '../page/fixtures/session.js';
import { inBrowser } from '../page/fixtures/shared-browser.js';

t.setTimeout(600_000);

t.test(
  'things are found by name and by example',
  { ...inBrowser, ...(skip && { skip }) },
  async (t) => {
    const folder = t.testdir();
    fillDetectorFolder(folder);
    const { url, post } = await startService(t, {
      SAM_MODELS_DIR: folder,
      SAM_TEXT_MODEL: 'small_owl',
      SAM_CACHE_DTYPE: 'float32',
    });
    const [a = '', b = ''] = expected().text.map(({ text }) => text);
    const { page, requests } = await openPage(t, url);
    const session = new Session(page);
    const photo = readFileSync(referencePath('tall.png'));
    await session.open(photo, 'tall.png');
    const found = page.getByTestId('found');
    const count = async () => {
      await found.filter({ hasText: /^[1-9]/ }).waitFor();
      await session.button('Find').waitFor();
      return Number.parseInt((await found.textContent()) ?? '', 10);
    };
    const embeds = () => requests.filter((request) => request.url().includes('/embed?'));
    t.equal(embeds().filter((request) => request.url().includes('text=true')).length, 0);

    await t.test('by name: the same as the service answers', async (t) => {
      await page.getByRole('textbox', { name: 'What to find' }).fill(`${a}, ${b}`);
      await page.keyboard.press('Enter');
      const seen = await count();
      t.equal(embeds().filter((request) => request.url().includes('text=true')).length, 1);
      const id = JSON.parse(
        requests.findLast((request) => request.url().endsWith('/decode'))?.postData() ?? '{}',
      ).embedding_id;
      const answer = await post('/decode', { embedding_id: id, text: [a, b] });
      const { results } = (await answer.json()) as { results: { masks: { label: string }[] }[] };
      const masks = results.flatMap((result) => result.masks);
      t.equal(seen, masks.length);
      await session.button('Keep all').click();
      const kept = await session.masks();
      t.same(
        kept.map(({ name }) => name),
        masks.map(({ label }) => label),
        'objects are called what they were found by',
      );
      t.same(
        kept.map(({ bbox }) => bbox),
        masks.map((mask) => (mask as unknown as { bbox: number[] }).bbox),
      );
      await session.button('Clear all').click();
    });

    await t.test('by example: a box that is drawn', async (t) => {
      await page.keyboard.press('e');
      t.equal(
        await session.button('Box around an example of what to find').getAttribute('aria-pressed'),
        'true',
      );
      const slider = page.getByLabel(/Least score/);
      t.equal(await slider.inputValue(), '0.6');
      await session.canvas.click([50, 50]);
      t.equal(await session.objects.first().getAttribute('data-state'), 'empty', 'a click is none');
      await session.canvas.drag([20, 60], [150, 250]);
      t.ok((await count()) > 0);
      const sent = JSON.parse(
        requests.findLast((request) => request.url().endsWith('/decode'))?.postData() ?? '{}',
      );
      t.equal(sent.text_threshold, 0.6);
      t.ok(
        sent.exemplar.box.every(
          (side: number, i: number) => Math.abs(side - ([20, 60, 150, 250][i] as number)) < 2,
        ),
      );
      // Another example takes the place of what was found.
      await session.canvas.drag([60, 60], [190, 300]);
      t.ok((await count()) > 0);
      await session.button('Discard').click();
      t.equal(
        embeds().filter((request) => request.url().includes('text=true')).length,
        1,
        'the image was looked at once',
      );
    });

    await t.test('nothing is found, and what is wrong is said', async (t) => {
      await page.keyboard.press('p');
      await page.getByLabel(/Least score/).fill('0.95');
      await page.getByRole('textbox', { name: 'What to find' }).fill(a);
      await session.button('Find').click();
      await page.getByText('Nothing is left.').waitFor();
      await page.getByLabel(/Least score/).fill('0.1');
      await page
        .getByRole('textbox', { name: 'What to find' })
        .fill('a very long wheel '.repeat(20));
      await session.button('Find').click();
      await page.getByText(/too long and was cut/).waitFor();
      t.pass();
    });
  },
);

t.test(
  'where the service finds nothing by name the page does not offer it',
  inBrowser,
  async (t) => {
    const { url } = await sharedService(t);
    const { page } = await openPage(t, url);
    const session = new Session(page);
    await session.open(await draw(scene(1)));
    t.equal(await page.getByLabel('What to find').count(), 0);
    t.equal(await session.button('Box around an example of what to find').count(), 0);
    await page.keyboard.press('e');
    t.equal(await page.locator('.stage').getAttribute('data-tool'), 'point');
  },
);
