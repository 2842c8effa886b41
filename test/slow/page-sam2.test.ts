import t from 'tap';
import { fillSam2Folder } from '../fixtures/sam2.js';
import { startService } from '../fixtures/service.js';
import { assertAgreement } from '../page/fixtures/agreement.js';
import { openPage } from '../page/fixtures/open-page.js';
import { Session } from '../page/fixtures/session.js';
import { inBrowser } from '../page/fixtures/shared-browser.js';
import { photograph, skip } from '../sam/fixtures/sam2-reference.js';

t.setTimeout(600_000);

/** Whatever the reference's weights, drawn by chance, make of them. */
const ASKED = {
  truck: {
    point: [500, 375],
    another: [1125, 625],
    beside: [300, 1100],
    box: [425, 600, 700, 875],
  },
  groceries: {
    point: [400, 300],
    another: [430, 340],
    beside: [60, 60],
    box: [250, 150, 550, 450],
  },
} as const;

t.test('the page with a SAM 2', { ...inBrowser, ...(skip && { skip }) }, async (t) => {
  const folder = t.testdir({});
  await fillSam2Folder(folder);
  const { url } = await startService(t, {
    ...{ SAM_MODELS_DIR: folder, SAM_MODELS: 'small_sam2,mobile_sam' },
  });
  for (const [name, asked] of Object.entries(ASKED)) {
    await t.test(`${name}: browser and server agree`, async (t) => {
      const { page, requests } = await openPage(t, url);
      const session = new Session(page);
      await session.open(photograph(name as keyof typeof ASKED), `${name}.jpg`, 'image/jpeg');
      t.ok(requests.some((request) => request.url().includes('/models/small_sam2/decoder.onnx')));
      await assertAgreement(t, session, asked);
    });
  }

  await t.test('clicks need no request, and the other model is a choice away', async (t) => {
    const { page, requests } = await openPage(t, url);
    const session = new Session(page);
    await session.open(photograph('groceries'), 'groceries.jpg', 'image/jpeg');
    await session.canvas.click(ASKED.groceries.point);
    const [own] = await session.masks();
    const before = requests.length;
    await session.canvas.click(ASKED.groceries.another);
    await session.canvas.click(ASKED.groceries.beside, { button: 'right' });
    await session.answered();
    t.same(
      requests.slice(before).map((request) => request.url()),
      [],
    );
    await session.button('New image').click();
    await page.getByLabel('Model').selectOption('mobile_sam');
    await session.open(photograph('groceries'), 'groceries.jpg', 'image/jpeg');
    await session.canvas.click(ASKED.groceries.point);
    const [other] = await session.masks();
    t.not(other?.area, own?.area, 'another model, another mask');
    t.ok(requests.some((request) => request.url().includes('/models/mobile_sam/decoder.onnx')));
  });
});
