import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import * as pictures from '../test/fixtures/pictures.js';
import { ServiceProcess } from '../test/fixtures/service-process.js';

/**
 * How long the service takes from its process's start (the build is not in it) until /readyz says yes, and its resident
 * memory ready and idle, after eight photographs with ten clicks on each, and after 64 clicks at once; without the
 * processes for images, which are apart. Each beside what it is to be at most.
 */
const MOST = { startMs: 2000, idle: 550, used: 800 };
const IMAGES = 8;
const CLICKS = 10;

const start = performance.now();
const service = await ServiceProcess.launch({ LOG_LEVEL: 'silent' });
try {
  await service.ready();
  say('ready, ms from the start of the process', performance.now() - start, MOST.startMs);
  say('resident MiB, ready and idle', resident(), MOST.idle);
  const ids: string[] = [];
  for (let i = 0; i < IMAGES; i++) {
    ids.push(await embed(await photograph(i)));
    for (let click = 0; click < CLICKS; click++) await clickOn(ids[i] as string, click);
  }
  say(`resident MiB, after ${IMAGES} images and clicks`, resident(), MOST.used);
  const many = ids.flatMap((id) => Array.from({ length: 8 }, (_, click) => clickOn(id, click)));
  await Promise.all(many);
  say(`resident MiB, after ${many.length} clicks at once`, resident(), MOST.used);
} finally {
  await service.stop();
}

function say(what: string, value: number, most: number): void {
  const ratio = (value / most).toFixed(2);
  console.log(`${what.padEnd(44)}${value.toFixed(0).padStart(6)} of ${most}${ratio.padStart(8)}x`);
}

/** MiB of physical memory. */
function resident(): number {
  const status = readFileSync(`/proc/${service.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

async function photograph(seed: number): Promise<Buffer> {
  const { data, width, height } = pictures.photograph(1024, 768, seed);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

async function embed(image: Uint8Array): Promise<string> {
  const headers = { 'content-type': 'image/jpeg' };
  const answer = await fetch(`${service.url}/embed`, { method: 'POST', headers, body: image });
  return ((await answer.json()) as { embedding_id: string }).embedding_id;
}

/** Three masks of one point. */
async function clickOn(embedding_id: string, click: number): Promise<void> {
  const point_coords = [[100 + 60 * click, 200 + 40 * click]];
  const answer = await fetch(`${service.url}/decode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ embedding_id, point_coords, point_labels: [1] }),
  });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`a click failed: ${answer.status}`);
}
