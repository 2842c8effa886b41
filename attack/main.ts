import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillRandomDetectorFolder } from '../test/fixtures/detector.js';
import { RedisServer } from '../test/fixtures/redis.js';
import { freePort, type Settings } from '../test/fixtures/service-process.js';
import { bombs } from './bombs.js';
import { CHECKLIST_SETTINGS, checklist } from './checklist.js';
import { Client, check } from './client.js';
import { accepting, drain } from './drain.js';
import { faults, faulty, flips } from './faults.js';
import { corruptions } from './fleet/corruptions.js';
import { fleet } from './fleet/fleet.js';
import { FUZZ_CLIENTS, fuzz } from './fuzz.js';
import { GROWTH_SETTINGS, growth, leaking, MOST_GROWTH } from './growth.js';
import { PICTURE } from './images.js';
import { overload } from './overload.js';
import { checkSiege, SIEGE_BYTES, siege } from './siege.js';
import { slowClients } from './slow-clients.js';
import { canary, ssrf, ssrfSettings } from './ssrf.js';
import { Victim } from './victim.js';

/**
 * `npm run attack` runs every part in full; `npm run attack fuzz=2000 drain` those named, at the size given: `siege=60`
 * for a minute of siege.
 * All of it goes to processes of its own on 127.0.0.1.
 */
const PARTS: Record<string, [full: number, unit: string, run: (size: number) => Promise<object>]> =
  {
    checklist: [1, 'times', runChecklist],
    fuzz: [100_000, 'requests', runFuzz],
    overload: [120, 'seconds', runOverload],
    bombs: [100, 'bombs', runBombs],
    slow: [1000, 'connections', runSlow],
    drain: [20, 'times', runDrain],
    faults: [50, 'faults', runFaults],
    flips: [10_000, 'alterations', (rounds) => inFolder((folder) => flips(folder, rounds))],
    growth: [50_000, 'decodes', runGrowth],
    leak: [2000, 'decodes', runLeak],
    ssrf: [1, 'times', runSsrf],
    siege: [600, 'seconds', runSiege],
    fleet: [500, 'images', runFleet],
    corruptions: [10_000, 'alterations', runCorruptions],
  };

/** Pixels a bomb may declare, and what their decoding may cost: RGB, the loader's rows, and glibc's slack. */
const BOMB_SIDE = 7000;
const BOMB_BUDGET_MIB = (3 * 4 * BOMB_SIDE ** 2) / 2 ** 20;

async function against<T>(
  settings: Settings,
  attack: (victim: Victim) => Promise<T>,
  maxBytes?: number,
): Promise<T> {
  const victim = await Victim.start(settings, maxBytes);
  try {
    const figures = await attack(victim);
    check(victim.alive, 'the service lives');
    const crashes = victim.complaints.filter((line) => /unhandled|uncaught|fatal/i.test(line));
    check(crashes.length === 0, `nothing is unhandled: ${crashes[0]}`);
    check(victim.temporaryFiles.length === 0, `no file is left: ${victim.temporaryFiles[0]}`);
    return figures;
  } finally {
    await victim.stop();
  }
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'attack-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runDrain(rounds: number) {
  return inFolder((folder) => {
    const file = join(folder, 'accepted');
    return drain(rounds, file, () => Victim.start(accepting(file)));
  });
}

function runChecklist(times: number) {
  return against(CHECKLIST_SETTINGS, (victim) => checklist(victim, times));
}

/** A part of the requests goes to a service with a model that reads texts. */
const TEXTS = 0.2;

async function runFuzz(requests: number) {
  const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
  console.log(`fuzz: SEED=${seed}`);
  // Room for every client's image: one that is shed has tried nothing.
  const room = { SAM_ENCODE_QUEUE: String(FUZZ_CLIENTS) };
  const attack = (count: number, findsTexts: boolean) => async (victim: Victim) => {
    const figures = await fuzz(victim.url, count, seed, findsTexts);
    check(figures.healthP99 < 100, `/healthz p99 < 100 ms, not ${figures.healthP99}`);
    return figures;
  };
  const texts = Math.ceil(TEXTS * requests);
  const plain = await against(room, attack(requests - texts, false));
  const searching = await inFolder((folder) => {
    fillRandomDetectorFolder(folder);
    const detector = { SAM_MODELS_DIR: folder, SAM_TEXT_MODEL: 'small_owl' };
    return against({ ...room, ...detector }, attack(texts, true));
  });
  return { ...plain, texts: searching };
}

function runOverload(seconds: number) {
  return against({}, async (victim) => {
    const figures = await overload(victim, seconds);
    const { p99At80, p99Overloaded, refusedP99, goodput, peak } = figures;
    console.log(figures);
    check(p99Overloaded < 2 * p99At80, 'p99 of accepted requests < 2x that at 80 % load');
    check(refusedP99 < 50, 'p99 of refusals < 50 ms');
    check(goodput >= 0.9 * peak, 'goodput >= 90 % of the peak');
    return figures;
  });
}

function runBombs(count: number) {
  const settings = { SAM_MAX_IMAGE_PIXELS: String(BOMB_SIDE ** 2) };
  return against(settings, async (victim) => {
    await new Client(victim.url).embed(PICTURE);
    const figures = await bombs(victim, count, BOMB_SIDE);
    console.log({ ...figures, budget: BOMB_BUDGET_MIB });
    check(figures.peak <= figures.before + BOMB_BUDGET_MIB, 'peak RSS <= baseline + budget');
    return { ...figures, budget: BOMB_BUDGET_MIB };
  });
}

function runSlow(connections: number) {
  const settings = { SAM_HEADER_TIMEOUT_MS: '5000', SAM_REQUEST_TIMEOUT_MS: '10000' };
  return against(settings, async (victim) => {
    const figures = await slowClients(victim, connections, 8);
    console.log(figures);
    check(figures.longest < 12, 'all are cut by their deadline');
    check(figures.p99Beside < 1.5 * figures.p99Alone, 'p99 of clicks < 1.5x');
    return figures;
  });
}

function runFaults(rounds: number) {
  return inFolder((folder) => {
    const file = join(folder, 'fault');
    const settings = { SAM_DECODE_WORKERS: '2', ...faulty(file) };
    return against(settings, (victim) => faults(victim, file, rounds));
  });
}

function runGrowth(decodes: number) {
  return against(GROWTH_SETTINGS, async (victim) => {
    const warmUp = { decodes: Math.min(2000, decodes / 5), embeds: 40 };
    const figures = await growth(victim, { decodes, embeds: Math.ceil(decodes / 50), warmUp });
    console.log(figures);
    check(figures.grown < MOST_GROWTH, `memory grows less than ${MOST_GROWTH} %`);
    return figures;
  });
}

/** The same with a leak that is planted: it must be noticed. */
function runLeak(decodes: number) {
  return inFolder((folder) => {
    const file = join(folder, 'leak');
    writeFileSync(file, String(64 * 1024));
    return against({ ...GROWTH_SETTINGS, ...leaking(file) }, async (victim) => {
      const warmUp = { decodes: 500, embeds: 20 };
      const figures = await growth(victim, { decodes, embeds: 0, warmUp });
      const noticed = figures.grown >= MOST_GROWTH;
      check(noticed, `a leak of 64 KiB a request is noticed: ${figures.grown} %`);
      return figures;
    });
  });
}

/** As `flips`, of what processes share. */
function runCorruptions(rounds: number) {
  return inFolder(async (folder) => {
    const redis = new RedisServer(await freePort(), folder, []);
    await redis.start();
    try {
      return await corruptions(redis.url, rounds);
    } finally {
      await redis.stop();
    }
  });
}

/** Several processes around one Redis. */
function runFleet(images: number) {
  return fleet({
    images,
    kills: Math.min(30, Math.ceil(images / 2)),
    ends: Math.min(10, Math.ceil(images / 6)),
    outageMs: Math.min(30_000, 250 * images),
  });
}

/** On default settings, in 3 GB. */
function runSiege(seconds: number) {
  const attack = async (victim: Victim) => {
    const size = { seconds, aloneSeconds: Math.min(20, seconds), share: 1 };
    const figures = await siege(victim, size);
    console.dir(figures, { depth: 4 });
    checkSiege(victim, figures);
    return {};
  };
  return against({}, attack, SIEGE_BYTES);
}

async function runSsrf() {
  const trap = await canary();
  try {
    return await against(ssrfSettings(trap.port), ({ url }) => ssrf(url, trap));
  } finally {
    trap.close();
  }
}

const wanted = process.argv.slice(2).map((argument) => argument.split('='));
const chosen = wanted.length > 0 ? wanted : Object.keys(PARTS).map((name) => [name]);
console.log(`${availableParallelism()} cores, Node.js ${process.version}`);
for (const [name = '', size] of chosen) {
  const part = PARTS[name];
  if (!part) throw new Error(`${name} is none of ${Object.keys(PARTS).join(', ')}`);
  const [full, unit, run] = part;
  const count = Number(size ?? full);
  const start = performance.now();
  try {
    const figures = await run(count);
    const seconds = Math.round((performance.now() - start) / 1000);
    console.log(`${name}: holds, ${count} ${unit} in ${seconds} s`, figures);
  } catch (error) {
    process.exitCode = 1;
    console.log(`${name}: ${error instanceof Error ? error.message : error}`);
  }
}
