import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import sharp from 'sharp';
import { draw, scene } from '../test/fixtures/scenes.js';
import { freePort, SERVICE, ServiceProcess } from '../test/fixtures/service-process.js';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const SERVICES = {
  ours: [SERVICE],
  weekend: ['--import=tsx', file('./weekend.ts')],
};

/** One of the services under measurement. */
export class Contender extends ServiceProcess {
  readonly name: string;

  private constructor(name: keyof typeof SERVICES, port: number) {
    const settings = { LOG_LEVEL: 'silent', SAM_ENCODE_QUEUE: '64' };
    const command = [process.execPath, '--import', file('./delay.mjs'), ...SERVICES[name]];
    super(port, settings, { command, messages: true });
    this.name = name;
  }

  /** Starts a service and waits until it is ready. */
  static async start(name: keyof typeof SERVICES): Promise<Contender> {
    const contender = new Contender(name, await freePort());
    await contender.ready();
    return contender;
  }

  /** Event-loop delay since the last call with `reset`. */
  async delay(message: 'reset' | 'read'): Promise<Delay> {
    const answer = once(this.process, 'message');
    this.process.send(message);
    const [delay] = await answer;
    return delay as Delay;
  }

  async embed(image: Uint8Array): Promise<string> {
    const headers = { 'content-type': 'image/jpeg' };
    const response = await fetch(`${this.url}/embed`, { method: 'POST', headers, body: image });
    const { embedding_id } = (await response.json()) as { embedding_id: string };
    return embedding_id;
  }
}

interface Delay {
  /** Milliseconds. */
  readonly p99: number;
  readonly max: number;
}

/** One level of load on one contender. */
export interface Score {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers a second. */
  readonly throughput: number;
  readonly loop: Delay;
}

/** Sends `amount` requests from `connections` clients; `body` is called for each. */
export async function load(
  contender: Contender,
  request: { path: string; type: string; body: () => Buffer },
  connections: number,
  amount: number,
): Promise<Score> {
  await contender.delay('reset');
  const result = await autocannon({
    url: contender.url,
    connections,
    amount,
    timeout: 300,
    requests: [
      {
        method: 'POST',
        path: request.path,
        headers: { 'content-type': request.type },
        setupRequest: (base) => ({ ...base, body: request.body() }),
      },
    ],
  });
  if (result.non2xx + result.errors > 0) throw new Error(`${contender.name}: requests failed`);
  const throughput = result['2xx'] / result.duration;
  const { p50, p99 } = result.latency;
  return { p50, p99, throughput, loop: await contender.delay('read') };
}

/** Prints both scores and ours as a share of the baseline's. */
export function report(title: string, ours: Score, weekend: Score): void {
  const row = (name: string, pick: (score: Score) => number) => {
    const [a, b] = [pick(ours), pick(weekend)];
    console.log(
      `  ${name.padEnd(28)}${a.toFixed(1).padStart(9)}${b.toFixed(1).padStart(9)}${(a / b).toFixed(2).padStart(8)}x`,
    );
  };
  console.log(
    `${title.padEnd(30)}${'ours'.padStart(9)}${'weekend'.padStart(9)}${'ratio'.padStart(9)}`,
  );
  row('latency p50, ms', ({ p50 }) => p50);
  row('latency p99, ms', ({ p99 }) => p99);
  row('throughput, 1/s', ({ throughput }) => throughput);
  row('event-loop delay p99, ms', ({ loop }) => loop.p99);
  row('event-loop delay max, ms', ({ loop }) => loop.max);
}

/** A drawn scene of 1600x1200 pixels as a JPEG. */
export async function photograph(): Promise<Buffer> {
  return sharp(await draw(scene(4)))
    .jpeg({ quality: 90 })
    .toBuffer();
}

/** The same picture as a file never seen before: what follows the end of a JPEG is not part of it. */
export function variants(file: Buffer): () => Buffer {
  let count = 0;
  return () => Buffer.concat([file, Buffer.from(`#${process.pid}-${count++}`)]);
}

export const CLIENTS = [1, 8, 16, 32] as const;

/** Starts both contenders, runs the benchmark and stops them. */
export async function contest(
  run: (ours: Contender, weekend: Contender) => Promise<void>,
): Promise<void> {
  console.log(`${availableParallelism()} cores, Node.js ${process.version}`);
  const contenders = await Promise.all([Contender.start('ours'), Contender.start('weekend')]);
  try {
    await run(...contenders);
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}
