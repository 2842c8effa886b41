import sharp from 'sharp';
import t from 'tap';
import { draw, scene } from '../fixtures/scenes.js';
import { sharedService } from '../fixtures/service.js';
import { assertAgreement } from './fixtures/agreement.js';
import { openPage } from './fixtures/open-page.js';
import { Session } from './fixtures/session.js';
import { inBrowser } from './fixtures/shared-browser.js';

const ASKED = {
  point: [180, 180],
  another: [200, 200],
  beside: [380, 380],
  box: [460, 60, 740, 300],
} as const;

t.test('what is decoded in the browser', inBrowser, async (t) => {
  const { url } = await sharedService(t);
  const drawing = await draw(scene(2));
  const { page, requests } = await openPage(t, url);
  const session = new Session(page);
  await session.open(drawing);

  t.test('is what the server answers', (t) => assertAgreement(t, session, ASKED));

  t.test('needs no request, click after click', async (t) => {
    await session.button('Clear all').click();
    await session.canvas.click(ASKED.point);
    await session.answered();
    const before = requests.length;
    for (let i = 0; i < 20; i++) {
      const at = [120 + 30 * (i % 5), 120 + 40 * Math.floor(i / 5)] as const;
      await session.canvas.click(at, i % 3 === 2 ? { button: 'right' } : {});
      await session.answered();
    }
    t.same(
      requests.slice(before).map((request) => request.url()),
      [],
    );
    t.equal(await session.objects.first().getAttribute('data-state'), 'answered');
  });

  t.test('is there again without an upload after a reload', async (t) => {
    const before = requests.length;
    await page.reload();
    await session.open(drawing);
    const urls = requests.slice(before).map((request) => `${request.method()} ${request.url()}`);
    t.notOk(
      urls.some((each) => each.startsWith('POST')),
      'nothing was sent',
    );
    t.match(await page.locator('[data-stage="upload"]').textContent(), 'not needed');
    await session.canvas.click(ASKED.point);
    t.equal((await session.masks()).length, 1);
  });
});

t.test('a photograph that lies on its side is shown upright', inBrowser, async (t) => {
  const { url } = await sharedService(t);
  const { page } = await openPage(t, url);
  const session = new Session(page);
  const { width, height } = scene(2);
  // As a camera would have it: the pixels turned to the left, and a note to turn them back.
  const turned = await sharp(await draw(scene(2)))
    .rotate(-90)
    .jpeg({ quality: 95 })
    .withMetadata({ orientation: 6 })
    .toBuffer();
  await session.open(turned, 'turned.jpg', 'image/jpeg');
  t.match(await page.getByText('turned.jpg,').textContent(), `${width} × ${height}`);
  await assertAgreement(t, session, ASKED);
});
