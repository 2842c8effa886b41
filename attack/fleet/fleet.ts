import { createHash } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { noise } from '../../test/fixtures/pictures.js';
import { Client, check, type Reply } from '../client.js';
import { idOf } from '../images.js';
import { Machines } from './machines.js';
import { type Photograph, photographs, poison } from './photographs.js';

export interface FleetSize {
  readonly images: number;
  /** Encode workers that are killed, and services that are told to end, at least. */
  readonly kills: number;
  readonly ends: number;
  /** Milliseconds for which Redis is away, twice gone and once stopped. */
  readonly outageMs: number;
}

/** No answer may take longer: it waits for a worker, which may die again and again, and then for the encode. */
const DEADLINE_MS = 180_000;
/** On a machine that does the work of five. */
const PATIENT = { SAM_QUEUE_TIMEOUT_MS: '90000', SAM_SHUTDOWN_MS: '120000' };
/** Without Redis none waits for anybody. */
const REFUSED_MS = 15_000;
const CLIENTS = 4;

/** Uploads to one service and clicks at others, while encode workers die and services come and go. */
export async function fleet(size: FleetSize) {
  const machines = await Machines.start(2, 2, PATIENT);
  try {
    const load = await underKills(machines, size);
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
    return { ...load, ...outages, ...abandoned };
  } finally {
    await machines.stop();
  }
}

async function underKills(machines: Machines, size: FleetSize) {
  const random = noise(7);
  const files = await photographs(size.images);
  const told = { answered: 0, retried: 0, clicks: 0, kills: 0, ends: 0 };
  const hashes = new Map<number, string>();
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
    for (const photograph of rest) {
      await use(machines, photograph, { told, wrong, hashes, random });
      strike();
    }
  });
  await Promise.all(clients);
  const seconds = Math.round((performance.now() - start) / 1000);
  const { jobs } = machines;
  check(wrong.length === 0, `all is answered as it is to be: ${wrong.slice(0, 5).join('; ')}`);
  check(told.answered === size.images, `all ${size.images} are embedded, not ${told.answered}`);
  const made = jobs['made'] ?? 0;
  check(made <= size.images + told.kills, `${made} were made of ${size.images}`);
  return { ...told, seconds, made, jobs };
}

interface Notes {
  readonly told: { answered: number; retried: number; clicks: number };
  readonly wrong: string[];
  readonly hashes: Map<number, string>;
  readonly random: () => number;
}

/** One upload, a click and a download, each at any service. */
async function use(machines: Machines, { file, picture }: Photograph, notes: Notes): Promise<void> {
  const { told, wrong, hashes, random } = notes;
  const anywhere = async (call: (client: Client) => Promise<Reply>): Promise<Reply> => {
    for (;;) {
      const url = machines.replicas[random() < 0.5 ? 0 : 1]?.url ?? '';
      const client = new Client(url, DEADLINE_MS);
      const reply = await call(client);
      client.close();
      // A service that ends takes no more connections: a load balancer asks the other.
      if (reply.error !== 'ECONNREFUSED') return reply;
      told.retried++;
      await after(50);
    }
  };
  const embedded = await anywhere((client) => client.embed(file));
  if (![200, 201].includes(embedded.status)) wrong.push(`embed ${said(embedded)}`);
  else told.answered++;
  const clicked = await anywhere((client) =>
    client.decode(idOf(file), { box: [40, 40, 140, 140] }),
  );
  if (clicked.status !== 200) wrong.push(`decode ${said(clicked)}`);
  else told.clicks++;
  const path = `/embeddings/${idOf(file)}`;
  const get = { method: 'GET', path, accept: 'application/octet-stream' };
  const { status, body } = await anywhere((client) => client.send(get));
  const hash = createHash('sha256').update(body).digest('hex');
  const known = hashes.get(picture) ?? hash;
  hashes.set(picture, known);
  if (status !== 200 || hash !== known) wrong.push(`embedding of picture ${picture}: ${status}`);
}

function said({ status, error, body }: Reply): string {
  return `${error ?? status} ${body.toString('utf8', 0, 300)}`;
}

/** Redis ends twice, and is stopped once; what is in memory is served, and all else says so soon. */
async function withoutRedis(machines: Machines, outageMs: number) {
  const figures = { slowest: 0, served: 0, refused: 0, recovery: 0 };
  const [known, ...files] = await photographs(4);
  const id = idOf(known?.file ?? Buffer.alloc(0));
  const clients = machines.replicas.map(({ url }) => new Client(url, DEADLINE_MS));
  for (const client of clients) {
    check(
      (await client.embed(known?.file ?? Buffer.alloc(0))).status < 300,
      'a picture is embedded',
    );
    const click = await client.decode(id, { box: [40, 40, 140, 140] });
    check(click.status === 200, `and clicked: ${said(click)}`);
  }
  for (const [i, kind] of (['end', 'end', 'stop'] as const).entries()) {
    if (kind === 'end') await machines.redis.stop();
    else machines.redis.kill('SIGSTOP');
    const end = performance.now() + outageMs;
    let round = 0;
    while (performance.now() < end) {
      for (const client of clients) {
        const click = await client.decode(id, { box: [40, 40, 140, 140] });
        check(click.status === 200, `memory is served without Redis: ${said(click)}`);
        figures.served++;
        const file = Buffer.concat([files[i]?.file ?? Buffer.alloc(0), Buffer.from(`${round++}`)]);
        const upload = await client.embed(file);
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
      let reply = await client.embed(files[i]?.file ?? Buffer.alloc(0));
      while (reply.status === 503 && performance.now() - back < 30_000) {
        figures.recovery = Math.max(figures.recovery, (performance.now() - back) / 1000);
        await after(100);
        reply = await client.embed(files[i]?.file ?? Buffer.alloc(0));
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
  const others = await photographs(12);
  const start = performance.now();
  const upload = client.embed(file);
  const beside = Promise.all(
    others.slice(4).map(({ file }) => client.embed(Buffer.concat([file, Buffer.from('beside')]))),
  );
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
