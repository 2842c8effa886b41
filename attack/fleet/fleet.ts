import { setTimeout as after } from 'node:timers/promises';
import { noise } from '../../test/fixtures/pictures.js';
import { Client, check } from '../client.js';
import { idOf } from '../images.js';
import { type Answers, anywhere, asAlone, BOX, DEADLINE_MS, said, use } from './answers.js';
import { type Job, Machines } from './machines.js';
import { another, photographs, poison } from './photographs.js';

export interface FleetSize {
  readonly images: number;
  /** Encode workers that are killed, and services that are told to end, at least. */
  readonly kills: number;
  readonly ends: number;
  /** Milliseconds for which Redis is away, twice gone and once stopped. */
  readonly outageMs: number;
}

/** On a machine that does the work of five. */
const PATIENT = {
  SAM_QUEUE_TIMEOUT_MS: '90000',
  SAM_ENCODE_TIMEOUT_MS: '170000',
  SAM_SHUTDOWN_MS: '120000',
};
/** Without Redis none waits for anybody. */
const REFUSED_MS = 15_000;
const CLIENTS = 4;
/** Jobs that a worker of one thread has at once. */
const IN_HAND = 2;

/** Uploads to one service and clicks at others, while encode workers die and services come and go. */
export async function fleet(size: FleetSize) {
  const machines = await Machines.start(2, 2, PATIENT);
  try {
    const { figures: load, answers } = await underKills(machines, size);
    console.log(load);
    await machines.ready();
    const outages = await withoutRedis(machines, size.outageMs);
    console.log(outages);
    const abandoned = await poisoned(machines);
    const counts = await machines.client.llen('{sam}:encode:wait');
    const active = await machines.client.llen('{sam}:encode:active');
    check(counts === 0 && active === 0, `the queue is empty: ${counts} wait, ${active} are active`);
    const lasting = await machines.lasting();
    check(lasting.length === 0, `no key lasts for ever: ${lasting.slice(0, 5)}`);
    const compared = await asAlone(answers);
    return { ...load, ...outages, ...abandoned, ...compared };
  } finally {
    await machines.stop();
  }
}

async function underKills(machines: Machines, size: FleetSize) {
  const random = noise(7);
  const files = await photographs(size.images);
  const told = { answered: 0, retried: 0, kills: 0, ends: 0 };
  const answers = new Map<Buffer, Answers>();
  const wrong: string[] = [];
  const start = performance.now();
  // Spread over the work, however fast the machine does it.
  const due = (times: number) => Math.floor((told.answered * times) / size.images);
  const strike = () => {
    if (told.kills < due(size.kills)) machines.encoders[told.kills++ % 2]?.kill('SIGKILL');
    if (told.ends < due(size.ends)) machines.replicas[told.ends++ % 2]?.kill('SIGTERM');
  };
  const rest = files.values();
  const clients = Array.from({ length: CLIENTS }, async () => {
    for (const file of rest) {
      answers.set(file, await use(anywhere(machines, random, told), file, wrong));
      told.answered++;
      strike();
    }
  });
  await Promise.all(clients);
  const seconds = Math.round((performance.now() - start) / 1000);
  const encodes = countEncodes(machines.jobs, told.kills);
  check(wrong.length === 0, `all is answered as it is to be: ${wrong.slice(0, 5).join('; ')}`);
  check(encodes.images === size.images, `${encodes.images} of ${size.images} were encoded`);
  return { figures: { ...told, seconds, ...encodes }, answers };
}

/** How often images were encoded: as often as workers that had them were killed, and once. */
function countEncodes(jobs: readonly Job[], kills: number) {
  const made = new Map<string, number>();
  const begun = new Map<string, number>();
  for (const { embedding, outcome, attempts } of jobs) {
    if (outcome === 'made') made.set(embedding, (made.get(embedding) ?? 0) + 1);
    begun.set(embedding, Math.max(begun.get(embedding) ?? 0, attempts));
  }
  const again = [...begun.values()].reduce((sum, attempts) => sum + attempts - 1, 0);
  check(again <= kills * IN_HAND, `${again} jobs were begun again after ${kills} kills`);
  for (const [embedding, times] of made) {
    check(times <= (begun.get(embedding) ?? 0), `${embedding} was made ${times} times`);
  }
  const times = [...made.values()];
  return { images: made.size, made: times.reduce((sum, each) => sum + each, 0), again };
}

/** Redis ends twice, and is stopped once; what is in memory is served, and all else says so soon. */
async function withoutRedis(machines: Machines, outageMs: number) {
  const figures = { slowest: 0, served: 0, refused: 0, recovery: 0 };
  const [known] = await photographs(1);
  if (!known) throw new Error('there are no photographs');
  const id = idOf(known);
  const clients = machines.replicas.map(({ url }) => new Client(url, DEADLINE_MS));
  for (const client of clients) {
    check((await client.embed(known)).status < 300, 'a picture is embedded');
    const click = await client.decode(id, { box: BOX });
    check(click.status === 200, `and clicked: ${said(click)}`);
  }
  for (const [i, kind] of (['end', 'end', 'stop'] as const).entries()) {
    if (kind === 'end') await machines.redis.stop();
    else machines.redis.kill('SIGSTOP');
    const end = performance.now() + outageMs;
    let round = 0;
    while (performance.now() < end) {
      for (const client of clients) {
        const click = await client.decode(id, { box: BOX });
        check(click.status === 200, `memory is served without Redis: ${said(click)}`);
        figures.served++;
        const upload = await client.embed(another(known, `${i} ${round++}`));
        check(upload.status === 503, `an upload is refused without Redis: ${said(upload)}`);
        figures.refused++;
        figures.slowest = Math.max(figures.slowest, click.ms, upload.ms);
      }
      await after(200);
    }
    if (kind === 'end') await machines.redis.start();
    else machines.redis.kill('SIGCONT');
    const back = performance.now();
    for (const client of clients) {
      // How long the service refuses; what an encode takes after that is its own.
      const file = another(known, `${i} at last`);
      let reply = await client.embed(file);
      while (reply.status === 503 && performance.now() - back < 30_000) {
        figures.recovery = Math.max(figures.recovery, (performance.now() - back) / 1000);
        await after(100);
        reply = await client.embed(file);
      }
      check(reply.status < 300, `it recovers: ${said(reply)}`);
    }
  }
  check(figures.slowest < REFUSED_MS, `no answer takes long: ${figures.slowest} ms`);
  check(figures.recovery < 5, `it recovers in 5 s, not ${figures.recovery}`);
  for (const client of clients) client.close();
  return figures;
}

/** An image that ends all who encode it, among others that do not. */
async function poisoned(machines: Machines) {
  const client = new Client(machines.replicas[0]?.url ?? '');
  const file = await poison();
  const others = await photographs(8);
  const start = performance.now();
  const upload = client.embed(file);
  const beside = Promise.all(others.map((file) => client.embed(another(file, 'beside'))));
  const reply = await upload;
  const seconds = (performance.now() - start) / 1000;
  check(
    reply.status === 422 && reply.body.includes('image-abandoned'),
    `it is given up: ${said(reply)}`,
  );
  for (const other of await beside) check(other.status === 201, `others are not: ${said(other)}`);
  const again = await client.embed(file);
  check(again.status === 422 && again.ms < 5000, `and remembered: ${said(again)}`);
  client.close();
  return { abandonedAfter: Math.round(seconds) };
}
