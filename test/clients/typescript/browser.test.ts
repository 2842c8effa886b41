import t from 'tap';
import { noChromium, startChromium } from '../../fixtures/chromium.js';
import { draw, scene } from '../../fixtures/scenes.js';
import { startService } from '../../fixtures/service.js';
import { startSite } from './fixtures/foreign-page.js';

t.test('in Chromium', { skip: noChromium }, async (t) => {
  const site = await startSite(t, { isolated: process.env['ISO'] !== '0' });
  const service = await startService(t, { SAM_CORS_ORIGINS: site });
  const browser = await startChromium(t, process.env['FLAGS']?.split(' '));
  const page = await browser.newPage();
  page.on('console', (m) => t.comment('console', m.text()));
  page.on('pageerror', (m) => t.comment('pageerror', m.message));
  await page.goto(site);
  const image = [...(await draw(scene(1)))];
  const runtime = process.env['RT'];
  const answer = await page.evaluate(
    async ({ url, image, runtime }) => {
      const file = '/index.js';
      const { SamClient, Predictor } = await import(file);
      const client = new SamClient({ url });
      const predictor = new Predictor(client, { decode: 'here', runtime });
      const stages: string[] = [];
      try {
        await predictor.setImage(new Blob([Uint8Array.from(image)]), {
          onProgress: ({ stage, ms, fraction, done }: any) =>
            stages.push(`${stage} ${ms.toFixed(0)} ${fraction ?? ''} ${done}`),
        });
        const prompt = { point_coords: [[90, 90]], point_labels: [1] };
        const all = [];
        for (let i = 0; i < 5; i++) all.push(await predictor.predict(prompt));
        const r = all[0];
        return {
          stages,
          place: r.place,
          fb: r.fallback,
          ms: all.map((a: any) => a.ms),
          masks: r.masks.map((m: any) => [m.area, m.predicted_iou, m.low_res_logits.length]),
        };
      } catch (e) {
        return { stages, e: String(e), st: (e as any).stack };
      }
    },
    { url: service.url, image, runtime },
  );
  t.comment(JSON.stringify(answer, null, 1));
});
