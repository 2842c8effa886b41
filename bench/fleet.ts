import { availableParallelism } from 'node:os';
import { Machines } from '../attack/fleet/machines.js';
import { another, photographs } from '../attack/fleet/photographs.js';
import { idOf } from '../attack/images.js';
import { processorOf } from '../attack/process-tree.js';
import { Nginx, noNginx } from '../test/fixtures/nginx.js';
import { noise } from '../test/fixtures/pictures.js';

/** Images encoded with each number of workers, `npm run bench:fleet 8` for fewer. */
const IMAGES = Number(process.argv[2] ?? 60);
const CLIENTS = 8;
const CLICKS = 10 * IMAGES;
const BOX = [40, 40, 140, 140];
/** Embeddings that the memory of one replica holds in the comparison of how clicks are spread. */
const HELD = 8;
const REPLICAS = 3;
const MIB = 2 ** 20;

let made = 0;

/** Files that no run before has had. */
async function next(count: number): Promise<Buffer[]> {
  const files = await photographs(count);
  return files.map((file) => another(file, `${process.pid}-${made++}`));
}

async function ask(url: string, body: Buffer | object, type = 'application/json'): Promise<number> {
  const start = performance.now();
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const headers = { 'content-type': type };
  const answer = await fetch(url, { method: 'POST', headers, body: new Uint8Array(bytes) });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return performance.now() - start;
}

const embed = (url: string, file: Buffer) => ask(`${url}/embed`, file, 'image/png');
const click = (url: string, file: Buffer) =>
  ask(`${url}/embeddings/${idOf(file)}/decode`, { box: BOX, multimask_output: false });

/** All of them, so many at a time. */
async function together<T>(items: readonly T[], work: (item: T, i: number) => Promise<unknown>) {
  const rest = items.entries();
  const client = async () => {
    for (const [i, item] of rest) await work(item, i);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function bytesOf({ client }: Machines): Promise<number> {
  const info = await client.info('stats');
  const of = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1]);
  return of('total_net_input_bytes') + of('total_net_output_bytes');
}

/** Seconds of processor time so far, by who took them. */
function processors({ encoders, replicas, redis }: Machines): Record<string, number> {
  const of = (machines: readonly { pid: number }[]) =>
    machines.reduce((sum, { pid }) => sum + processorOf(pid), 0);
  const { user, system } = process.cpuUsage();
  return {
    workers: of(encoders),
    replicas: of(replicas),
    redis: processorOf(redis.pid),
    'this benchmark': (user + system) / 1e6,
  };
}

/** What has been taken since, in milliseconds for each of so many. */
function taken(machines: Machines, since: Record<string, number>, count: number) {
  const now = Object.entries(processors(machines));
  return Object.fromEntries(now.map(([who, s]) => [who, (1000 * (s - (since[who] ?? 0))) / count]));
}

function listed(times: Record<string, number>): string {
  return Object.entries(times)
    .map(([who, ms]) => `${who} ${ms.toFixed(1)}`)
    .join(', ');
}

/** Distinct images a second, with so many workers of one thread, each on a core of its own. */
async function pace(workers: number) {
  const machines = await Machines.start(1, workers, { SAM_QUEUE_TIMEOUT_MS: '300000' }, true);
  try {
    const url = machines.replicas[0]?.url ?? '';
    await together(await next(4 * workers), (file) => embed(url, file));
    const files = await next(IMAGES);
    const [bytes, times] = [await bytesOf(machines), processors(machines)];
    const start = performance.now();
    await together(files, (file) => embed(url, file));
    const perSecond = (1000 * IMAGES) / (performance.now() - start);
    const perImage = taken(machines, times, IMAGES);
    const wire = ((await bytesOf(machines)) - bytes) / IMAGES / MIB;
    const size = files.reduce((sum, { length }) => sum + length, 0) / IMAGES / MIB;
    console.log(
      `${workers} worker${workers > 1 ? 's' : ''}: ${perSecond.toFixed(2)} images a second; ${wire.toFixed(2)} MiB each over the wire, of files of ${size.toFixed(2)}`,
    );
    console.log(`  ms of a processor for each: ${listed(perImage)}`);
    return { perSecond, perImage };
  } finally {
    await machines.stop();
  }
}

/** By how much two workers may be faster where there are no more cores than they have: all else runs on those too. */
function bound({ workers = 0, ...others }: Record<string, number>): number {
  const beside = Object.values(others).reduce((sum, ms) => sum + ms, 0);
  return (2 * workers) / (workers + beside);
}

/** What the shared tier adds to an embed and a click, against a process that has none. */
async function cost(): Promise<void> {
  const shared = await Machines.start(2, 0);
  const alone = await Machines.start(1, 0, { SAM_REDIS_URL: '' });
  try {
    const [a = '', b = ''] = shared.replicas.map(({ url }) => url);
    const c = alone.replicas[0]?.url ?? '';
    const times = new Map<string, number[]>();
    const time = async (name: string, work: Promise<number>) => {
      const ms = await work;
      times.set(name, [...(times.get(name) ?? []), ms]);
    };
    for (const url of [a, b, c]) {
      for (const file of await next(2)) {
        await embed(url, file);
        await click(url, file);
      }
    }
    const files = await next(Math.ceil(IMAGES / 2));
    const before = await bytesOf(shared);
    for (const file of files) {
      await time('embed', embed(a, file));
      await time('embed alone', embed(c, file));
    }
    const afterEmbeds = await bytesOf(shared);
    for (const file of files) {
      // The context of an image is made with its first click, wherever that is.
      await time('first', click(a, file));
      await time('first alone', click(c, file));
      await time('elsewhere', click(b, file));
    }
    const afterClicks = await bytesOf(shared);
    const since = processors(shared);
    const warm = files.slice(0, HELD);
    for (let i = 0; i < 10; i++) {
      for (const file of warm) {
        await time('click', click(b, file));
        await time('click alone', click(c, file));
      }
    }
    const afterWarm = await bytesOf(shared);
    const row = (what: string, name: string, than: string) => {
      const [x, y] = [median(times.get(name) ?? []), median(times.get(than) ?? [])];
      const more = `${(x - y).toFixed(1)} ms more, ${(x / y).toFixed(3)}x`;
      console.log(`${what}: ${x.toFixed(1)} ms, ${y.toFixed(1)} ms alone: ${more}`);
    };
    row('embed', 'embed', 'embed alone');
    row('first click where it was embedded', 'first', 'first alone');
    row('first click at another replica', 'elsewhere', 'first alone');
    row('further clicks', 'click', 'click alone');
    const mib = (bytes: number, count: number) => `${(bytes / count / MIB).toFixed(3)} MiB`;
    const { length } = files;
    console.log(
      `over the wire: ${mib(afterEmbeds - before, length)} an embed, ${mib(afterClicks - afterEmbeds, length)} a first click elsewhere, ${mib(afterWarm - afterClicks, 10 * HELD)} a further click`,
    );
    console.log(
      `  ms of a processor for a further click: ${listed(taken(shared, since, 10 * HELD))}`,
    );
  } finally {
    await Promise.all([shared.stop(), alone.stop()]);
  }
}

/** Clicks through nginx on more images than one replica holds, by turns and by the hash of their ids. */
async function spread(): Promise<void> {
  if (noNginx) return console.log(noNginx);
  for (const hashing of [false, true]) {
    // Two MiB an embedding; contexts of as many images.
    const settings = { SAM_CACHE_BYTES: `${2 * HELD + 1}M`, SAM_CONTEXT_BYTES: `${10 * HELD}M` };
    const machines = await Machines.start(REPLICAS, 0, settings);
    const urls = machines.replicas.map(({ url }) => url);
    let nginx: Nginx | undefined;
    try {
      nginx = await Nginx.start(urls, hashing);
      const { url } = nginx;
      const files = await next(2 * HELD);
      for (const file of files) await embed(url, file);
      const random = noise(11);
      const draw = () => files[Math.floor(files.length * random())] as Buffer;
      for (let i = 0; i < CLICKS / 4; i++) await click(url, draw());
      const times: number[] = [];
      const [before, bytes, since] = [
        await hits(urls),
        await bytesOf(machines),
        processors(machines),
      ];
      for (let i = 0; i < CLICKS; i++) times.push(await click(url, draw()));
      const memory = ((await hits(urls)) - before) / CLICKS;
      const wire = ((await bytesOf(machines)) - bytes) / CLICKS / MIB;
      console.log(
        `${hashing ? 'by hash' : 'in turn'}: ${(100 * memory).toFixed(0)} % of ${CLICKS} clicks met the embedding in memory, median ${median(times).toFixed(1)} ms, ${wire.toFixed(2)} MiB from Redis`,
      );
      console.log(`  ms of a processor for each: ${listed(taken(machines, since, CLICKS))}`);
    } finally {
      await nginx?.stop();
      await machines.stop();
    }
  }
}

async function hits(urls: readonly string[]): Promise<number> {
  let memory = 0;
  for (const url of urls) {
    const text = await (await fetch(`${url}/metrics`)).text();
    memory += Number(/^sam_cache_lookups_total\{tier="memory"\} (\d+)/m.exec(text)?.[1] ?? 0);
  }
  return memory;
}

console.log(`${availableParallelism()} cores, Node.js ${process.version}`);
const [one, two] = [await pace(1), await pace(2)];
console.log(
  `two workers make ${(two.perSecond / one.perSecond).toFixed(2)} times what one makes; with two cores for all of it ${bound(two.perImage).toFixed(2)} are possible`,
);
await cost();
await spread();
