import { availableParallelism } from 'node:os';
import { Machines } from '../attack/fleet/machines.js';
import { type Photograph, photographs } from '../attack/fleet/photographs.js';
import { idOf } from '../attack/images.js';
import { noise } from '../test/fixtures/pictures.js';

/** Images encoded with each number of workers, `npm run bench:fleet 8` for fewer. */
const IMAGES = Number(process.argv[2] ?? 40);
const CLIENTS = 8;
const CLICKS = 10 * IMAGES;
const BOX = [40, 40, 140, 140];
/** Embeddings that the memory of one replica holds in the comparison of how clicks are spread. */
const HELD = 8;

let made = 0;

/** Files that no run before has had. */
async function next(count: number): Promise<Photograph[]> {
  const files = await photographs(count);
  return files.map(({ file, picture }) => ({
    file: Buffer.concat([file, Buffer.from(`-${process.pid}-${made++}`)]),
    picture,
  }));
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

const embed = (url: string, { file }: Photograph) => ask(`${url}/embed`, file, 'image/png');
const click = (url: string, { file }: Photograph) =>
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

/** Distinct images a second, with so many workers of one thread each. */
async function pace(workers: number): Promise<number> {
  const machines = await Machines.start(1, workers, { SAM_QUEUE_TIMEOUT_MS: '300000' });
  try {
    const url = machines.replicas[0]?.url ?? '';
    await together(await next(2 * workers), (photograph) => embed(url, photograph));
    const files = await next(IMAGES);
    const before = await bytesOf(machines);
    const start = performance.now();
    await together(files, (photograph) => embed(url, photograph));
    const perSecond = (1000 * IMAGES) / (performance.now() - start);
    const wire = ((await bytesOf(machines)) - before) / IMAGES / 2 ** 20;
    console.log(
      `${workers} worker${workers > 1 ? 's' : ''}: ${perSecond.toFixed(2)} images a second, ${wire.toFixed(2)} MiB each over the wire`,
    );
    return perSecond;
  } finally {
    await machines.stop();
  }
}

/** What the shared tier adds to an embed and a click, against a process that has none. */
async function cost(): Promise<void> {
  const shared = await Machines.start(2, 0, { SAM_SHUTDOWN_MS: '60000' });
  const alone = await Machines.start(1, 0, { SAM_REDIS_URL: '' });
  try {
    const [a = '', b = ''] = shared.replicas.map(({ url }) => url);
    const c = alone.replicas[0]?.url ?? '';
    const files = await next(Math.ceil(IMAGES / 2));
    const times = { embed: [], embedAlone: [], cold: [], warm: [], alone: [] } as Record<
      string,
      number[]
    >;
    const add = (name: string, ms: number) => times[name]?.push(ms);
    for (const url of [a, b, c]) {
      const [first] = (await next(1)) as [Photograph];
      await embed(url, first);
      await click(url, first);
    }
    const before = await bytesOf(shared);
    for (const file of files) {
      add('embed', await embed(a, file));
      add('embedAlone', await embed(c, file));
    }
    const afterEmbeds = await bytesOf(shared);
    for (const file of files) {
      // The context of an image is made with its first click, wherever that is.
      await click(a, file);
      await click(c, file);
      add('cold', await click(b, file));
    }
    const afterClicks = await bytesOf(shared);
    for (let i = 0; i < 5; i++) {
      for (const file of files.slice(0, HELD)) {
        add('warm', await click(b, file));
        add('alone', await click(c, file));
      }
    }
    const mib = (bytes: number) => (bytes / files.length / 2 ** 20).toFixed(2);
    const row = (name: string, of: string, than: string) => {
      const [x, y] = [median(times[of] ?? []), median(times[than] ?? [])];
      console.log(`${name}: ${x.toFixed(1)} ms, ${y.toFixed(1)} ms alone, ${(x / y).toFixed(3)}x`);
    };
    row('embed', 'embed', 'embedAlone');
    row('click, embedding in memory', 'warm', 'alone');
    row('first click at another replica', 'cold', 'alone');
    console.log(
      `${mib(afterEmbeds - before)} MiB an embed, ${mib(afterClicks - afterEmbeds)} MiB a first click`,
    );
  } finally {
    await Promise.all([shared.stop(), alone.stop()]);
  }
}

/** Clicks on more images than one replica holds, by turns and by the hash of their ids. */
async function spread(): Promise<void> {
  for (const how of ['in turn', 'by hash'] as const) {
    // Two MiB an embedding; contexts of as many images.
    const settings = { SAM_CACHE_BYTES: `${2 * HELD + 1}M`, SAM_CONTEXT_BYTES: `${10 * HELD}M` };
    const machines = await Machines.start(3, 0, settings);
    try {
      const urls = machines.replicas.map(({ url }) => url);
      const files = await next(2 * HELD);
      for (const [i, file] of files.entries()) await embed(urls[i % 3] ?? '', file);
      const random = noise(11);
      const times: number[] = [];
      const before = await hits(urls);
      let turn = 0;
      for (let i = 0; i < CLICKS; i++) {
        const file = files[Math.floor(files.length * random())] as Photograph;
        const hash = Number.parseInt(idOf(file.file).slice(-8), 16);
        const url = urls[(how === 'by hash' ? hash : turn++) % 3] ?? '';
        times.push(await click(url, file));
      }
      const after = await hits(urls);
      const memory = (after.memory - before.memory) / CLICKS;
      console.log(
        `${how}: ${(100 * memory).toFixed(0)} % of ${CLICKS} clicks met the embedding in memory, median ${median(times).toFixed(1)} ms`,
      );
    } finally {
      await machines.stop();
    }
  }
}

async function hits(urls: readonly string[]): Promise<{ memory: number }> {
  let memory = 0;
  for (const url of urls) {
    const text = await (await fetch(`${url}/metrics`)).text();
    memory += Number(/^sam_cache_lookups_total\{tier="memory"\} (\d+)/m.exec(text)?.[1] ?? 0);
  }
  return { memory };
}

console.log(`${availableParallelism()} cores, Node.js ${process.version}`);
const [one, two] = [await pace(1), await pace(2)];
console.log(`two workers make ${(two / one).toFixed(2)} times what one makes`);
await cost();
await spread();
