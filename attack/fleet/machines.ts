import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { RedisServer } from '../../test/fixtures/redis.js';
import { freePort, ServiceProcess, type Settings } from '../../test/fixtures/service-process.js';
import { withHook } from '../victim.js';

/** BullMQ's own: so many, however many jobs there were. */
const OF_THE_QUEUE = /^\{sam\}:encode:(meta|events|marker|stalled-check|id)$/;

/** Of each network: several processes run on this machine. */
export const ONE_THREAD = { SAM_ENCODE_THREADS: '1', SAM_DECODE_WORKERS: '1' };

type Kind = 'replica' | 'encoder';

/** What an encode worker's log says of a job. */
export interface Job {
  readonly embedding: string;
  readonly outcome: string;
  /** How often it was begun. */
  readonly attempts: number;
}

/** A process that is started anew whenever it ends, as an orchestrator does. */
class Machine {
  readonly kind: Kind;
  readonly #settings: Settings;
  readonly #core: number | undefined;
  #process: ServiceProcess;
  #stopping = false;
  /** Lines of those that have ended. */
  readonly #log: string[] = [];
  /** Settles when it is ready. */
  ready: Promise<void>;
  #successor: Promise<void> = Promise.resolve();

  private constructor(
    kind: Kind,
    settings: Settings,
    core: number | undefined,
    process: ServiceProcess,
  ) {
    this.kind = kind;
    this.#settings = settings;
    this.#core = core;
    this.#process = process;
    this.ready = this.#watch();
  }

  /** @param core which an encode worker runs on, where not on any. */
  static async start(kind: Kind, settings: Settings, core?: number): Promise<Machine> {
    return new Machine(kind, settings, core, await launch(kind, settings, core));
  }

  get url(): string {
    return this.#process.url;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get log(): string[] {
    return [...this.#log, ...this.#process.log];
  }

  /** Ends it; `ready` waits for the one that follows from now on. */
  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
    this.ready = this.#successor;
  }

  /** At once: what it has to finish is of no interest any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.kill('SIGKILL');
    await this.#process.ended();
  }

  async #watch(): Promise<void> {
    const process = this.#process;
    this.#successor = process.ended().then(async () => {
      this.#log.push(...process.complaints);
      if (this.#stopping) return;
      this.#process = await launch(this.kind, this.#settings, this.#core);
      this.ready = this.#watch();
      await this.ready;
    });
    await process.ready().catch(() => {});
  }
}

function launch(kind: Kind, settings: Settings, core?: number): Promise<ServiceProcess> {
  return kind === 'replica'
    ? ServiceProcess.launch(settings)
    : ServiceProcess.launchEncoder({ ...settings, ...withHook('poison') }, core);
}

/** A Redis, services and encode workers, all on this machine. */
export class Machines {
  readonly redis: RedisServer;
  readonly client: Redis;
  readonly replicas: readonly Machine[];
  readonly encoders: readonly Machine[];
  readonly #directory: string;

  private constructor(
    redis: RedisServer,
    directory: string,
    replicas: readonly Machine[],
    encoders: readonly Machine[],
  ) {
    this.redis = redis;
    this.#directory = directory;
    this.replicas = replicas;
    this.encoders = encoders;
    this.client = new Redis(redis.url, { retryStrategy: () => 100 });
    this.client.on('error', () => {});
  }

  /** @param pinned whether each encode worker has a core of its own. */
  static async start(
    replicas: number,
    encoders: number,
    settings: Settings = {},
    pinned = false,
  ): Promise<Machines> {
    const directory = mkdtempSync(join(tmpdir(), 'fleet-'));
    const redis = new RedisServer(await freePort(), directory, []);
    await redis.start();
    const common = {
      SAM_REDIS_URL: redis.url,
      LOG_LEVEL: 'info',
      ...ONE_THREAD,
      ...settings,
    };
    const queue = encoders > 0 ? { SAM_ENCODE: 'queue' } : {};
    const start = (kind: Kind, count: number, more: Settings) =>
      Promise.all(
        Array.from({ length: count }, (_, i) => {
          const core = pinned && kind === 'encoder' ? i : undefined;
          return Machine.start(kind, { ...common, ...more }, core);
        }),
      );
    const machines = new Machines(
      redis,
      directory,
      await start('replica', replicas, queue),
      await start('encoder', encoders, {}),
    );
    await machines.ready();
    return machines;
  }

  /** Resolves when all run, those too that follow others. */
  async ready(): Promise<void> {
    await Promise.all([...this.replicas, ...this.encoders].map(({ ready }) => ready));
  }

  /** Jobs that have ended, over all encode workers that there ever were. */
  get jobs(): Job[] {
    const lines = this.encoders.flatMap(({ log }) => log);
    return lines.filter((line) => line.includes('"job ended"')).map((line) => JSON.parse(line));
  }

  /** Keys that would stay for ever. */
  async lasting(): Promise<string[]> {
    const found: string[] = [];
    for (const key of await this.client.keys('*')) {
      if (!OF_THE_QUEUE.test(key) && (await this.client.pttl(key)) === -1) found.push(key);
    }
    return found;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.replicas, ...this.encoders].map((machine) => machine.stop()));
    this.client.disconnect();
    await this.redis.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
