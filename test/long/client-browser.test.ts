import type { Page } from 'playwright-core';
import { type Place, Predictor, SamClient } from 'sam-split-client';
import t, { type Test } from 'tap';
import { startSite } from '../clients/typescript/fixtures/foreign-page.js';
import { noChromium, startChromium } from '../fixtures/chromium.js';
import { draw, scene } from '../fixtures/scenes.js';
import { startService } from '../fixtures/service.js';

const picture = scene(1);
const [disc] = picture.shapes as [(typeof picture.shapes)[0]];
const CLICK = { point_coords: [[...disc.point] as [number, number]], point_labels: [1 as const] };

/** What a page says of its clicks. */
interface Told {
  readonly uploaded: boolean;
  readonly places: readonly Place[];
  readonly fallback: string | undefined;
  /** Of the first click's masks, best first. */
  readonly masks: readonly { counts: readonly number[]; predicted_iou: number }[];
  readonly stages: readonly string[];
}

/** What went wrong in the page, by its own log. */
function faultsOf(page: Page): string[] {
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  page.on('pageerror', ({ message }) => faults.push(message));
  return faults;
}

/** Sets the picture in the page, and clicks some times. */
async function clickIn(page: Page, url: string, clicks: number): Promise<Told> {
  const image = [...(await draw(picture))];
  return page.evaluate(
    async ({ url, image, clicks, click }) => {
      const library = '/index.js';
      const { SamClient, Predictor } = (await import(library)) as typeof import('sam-split-client');
      const predictor = new Predictor(new SamClient({ url }), { decode: 'here' });
      const stages: string[] = [];
      const { uploaded } = await predictor.setImage(new Blob([Uint8Array.from(image)]), {
        onProgress: ({ stage, done }) => done && stages.push(stage),
      });
      const places = [];
      const first = await predictor.predict(click);
      const refined = { ...click, mask_input: first.masks[0]?.low_res_logits as Float32Array };
      // The graph for refinement comes by itself, after the first.
      places.push(first.place, (await predictor.predict(refined)).place);
      performance.clearResourceTimings();
      for (let i = 0; i < clicks; i++) {
        places.push((await predictor.predict(i % 2 ? refined : click, { logits: false })).place);
      }
      if (performance.getEntriesByType('resource').length > 0) throw new Error('it asked for more');
      predictor.close();
      const masks = first.masks.map(({ segmentation, predicted_iou }) => ({
        ...{ counts: segmentation.counts, predicted_iou },
      }));
      return { uploaded, places, fallback: first.fallback, masks, stages };
    },
    { url, image, clicks, click: CLICK },
  );
}

t.test('in Chromium', { skip: noChromium }, async (t) => {
  const isolated = await startSite(t, { isolated: true });
  const plain = await startSite(t, { isolated: false });
  const service = await startService(t, { SAM_CORS_ORIGINS: `${isolated},${plain}` });
  const browser = await startChromium(t);
  const context = await browser.newContext();

  await t.test('a page that is isolated decodes by threads, without a request', async (t) => {
    const page = await context.newPage();
    const faults = faultsOf(page);
    await page.goto(isolated);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(`${request.method()} ${request.url()}`));
    const told = await clickIn(page, service.url, 20);
    const processors = Number(await page.evaluate('navigator.hardwareConcurrency'));
    const threads = Math.min(4, processors);
    t.equal(told.places.length, 22);
    for (const place of told.places) t.strictSame(place, { runtime: 'wasm', threads });
    t.equal(told.fallback, undefined);
    t.ok(told.uploaded);
    t.strictSame(told.stages, ['hash', 'upload', 'encode', 'fetch', 'prepare', 'ready']);
    // Chromium itself logs that HEAD found nothing.
    t.strictSame(
      faults.filter((fault) => !/status of 404/.test(fault)),
      [],
    );
    const clicks = asked.filter((line) => /decode$|segment/.test(line));
    t.strictSame(clicks, [], 'none of its clicks reached the server');
    await sameAsServer(t, service.url, told);
  });

  await t.test('after a reload nothing is fetched that is here', async (t) => {
    const page = await context.newPage();
    await page.goto(isolated);
    const answers: [status: number, path: string][] = [];
    page.on('response', (response) => answers.push([response.status(), response.url()]));
    const told = await clickIn(page, service.url, 1);
    t.notOk(told.uploaded);
    t.strictSame(told.stages, ['hash', 'fetch', 'prepare', 'ready']);
    const graphs = answers.filter(([, path]) => path.includes('.onnx'));
    t.equal(graphs.length, 3);
    for (const [status, path] of graphs) t.equal(status, 304, path);
  });

  await t.test('a page that is not isolated decodes by one thread', async (t) => {
    const page = await context.newPage();
    await page.goto(plain);
    const told = await clickIn(page, service.url, 1);
    for (const place of told.places) t.strictSame(place, { runtime: 'wasm', threads: 1 });
    await sameAsServer(t, service.url, told);
  });
});

/** The masks that a page made of the first click are those of the server. */
async function sameAsServer(t: Test, url: string, { masks }: Told): Promise<void> {
  const client = new SamClient({ url });
  const predictor = new Predictor(client, { decode: 'server' });
  await predictor.setImage(await draw(picture));
  const served = await predictor.predict(CLICK, { logits: false });
  t.equal(masks.length, 3);
  for (const [i, { counts, predicted_iou }] of masks.entries()) {
    t.strictSame(counts, served.masks[i]?.segmentation.counts, `mask ${i}, to the pixel`);
    const error = Math.abs(predicted_iou - (served.masks[i]?.predicted_iou as number));
    t.ok(error <= 1e-3, `mask ${i}: off by ${error}`);
  }
}
