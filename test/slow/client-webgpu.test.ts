import type { Place } from 'sam-split-client';
import { SamClient } from 'sam-split-client';
import t from 'tap';
import { startSite } from '../clients/typescript/fixtures/foreign-page.js';
import { noChromium, startChromium } from '../fixtures/chromium.js';
import { draw, scene } from '../fixtures/scenes.js';
import { startService } from '../fixtures/service.js';

/** A GPU in software, which Chromium brings along: it decodes, some hundred times as slowly as wasm. */
const SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

t.test('the decoder on WebGPU', { skip: noChromium, timeout: 1_200_000 }, async (t) => {
  const site = await startSite(t, { isolated: true });
  const service = await startService(t, { SAM_CORS_ORIGINS: site });
  const picture = await draw(scene(1));
  const { embedding_id } = await new SamClient({ url: service.url }).embed(picture);
  const browser = await startChromium(t, SWIFTSHADER);
  const decode = async (runtime: 'auto' | 'webgpu') => {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(site);
    return page.evaluate(
      async ({ url, embedding_id, runtime }) => {
        const library = '/index.js';
        const { SamClient, Predictor } = (await import(
          library
        )) as typeof import('sam-split-client');
        const client = new SamClient({ url });
        const predictor = new Predictor(client, { decode: 'here', runtime });
        const image = await client.find(embedding_id);
        if (!image) throw new Error('it is not there');
        await predictor.setImage(image);
        const { masks, place, fallback, ms } = await predictor.predict({ box: [40, 40, 140, 140] });
        predictor.close();
        return { place, fallback, ms, mask: masks[0]?.segmentation.counts, of: masks.length };
      },
      { url: service.url, embedding_id, runtime },
    );
  };
  const wasm = await decode('auto');
  t.equal((wasm.place as Place).runtime, 'wasm', 'a GPU played by the processor is left alone');
  const gpu = await decode('webgpu');
  t.strictSame(gpu.place, { runtime: 'webgpu' });
  t.equal(gpu.fallback, undefined);
  t.equal(gpu.of, 1);
  t.strictSame(gpu.mask, wasm.mask, 'to the pixel');
  t.comment(`a click: WebGPU in software ${gpu.ms} ms, wasm ${wasm.ms} ms`);
});
