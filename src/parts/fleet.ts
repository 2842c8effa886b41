import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Caller } from '../core/caller.js';
import type { EmbeddingMaker } from '../core/making.js';
import type { EmbeddingStore, LogitsKeeper, RateCounter } from '../core/ports.js';
import { type Connection, connect, disconnect, settle } from '../fleet/connection.js';
import { Deletions, type Forget } from '../fleet/deletions.js';
import { type Answered, Guard } from '../fleet/guard.js';
import { Leads } from '../fleet/lead.js';
import { EncodeQueue } from '../fleet/queue/encode-queue.js';
import { FleetLoad } from '../fleet/queue/fleet-load.js';
import { QueueMaker } from '../fleet/queue/queue-maker.js';
import { Starts } from '../fleet/queue/starts.js';
import { checkRoles } from '../fleet/roles.js';
import { SharedLogits } from '../fleet/shared-logits.js';
import { SharedMaker } from '../fleet/shared-maker.js';
import { SharedRate } from '../fleet/shared-rate.js';
import { SharedStore } from '../fleet/shared-store.js';
import { FleetMetrics, QueueMetrics } from '../observe/fleet-metrics.js';
import type { Metrics } from '../observe/metrics.js';
import type { ImageAdmission } from '../service/image-admission.js';

/** How long a deletion waits for what other processes say to it. */
const DELETION_MS = 1000;
/** How long a question to the queue may take: what it is asked for is worth more than a look into a cache. */
const QUEUE_MS = 2000;
/** How long a start waits for its Redis: requests that come at once are not to be told that there is none. */
const SETTLE_MS = 1000;
/** Between two lines of the log about questions without an answer. */
const QUIET_MS = 10_000;

/** What processes that serve the same models have in common. */
export interface Fleet {
  readonly store: SharedStore;
  /** Rates are counted over all processes. */
  readonly access: { countTogether(kind: string, local: RateCounter): RateCounter };
  logits(local: LogitsKeeper): LogitsKeeper;
  /** Makes what one model does of images, once for all processes. */
  makerOf(model: string, own: OwnMaker): EmbeddingMaker;
  /** Where images go through a queue: throws `overloaded` where there is no room. */
  readonly checkRoom: ((caller: Caller) => void) | undefined;
  /** Begins to hear of what others delete. */
  start(forget: Forget): void;
  close(): Promise<void>;
}

/** What this process has of its own. */
export interface OwnMaker {
  readonly local: EmbeddingMaker;
  readonly images: ImageAdmission;
  /** All tiers. */
  readonly store: EmbeddingStore;
}

/** The parts of a fleet that its services and its encode workers have. */
export interface SharedParts {
  readonly redis: Connection;
  readonly guard: Guard;
  readonly store: SharedStore;
  readonly deletions: Deletions;
  readonly counts: FleetMetrics;
  close(): void;
}

/** Begins to connect to what is shared. A Redis that cannot be reached keeps no process from starting. */
export function createShared(
  { url, timeoutMs, ttlMs }: NonNullable<Config['shared']>,
  metrics: Metrics,
  logger: Logger,
): SharedParts {
  const counts = new FleetMetrics(metrics.registry);
  const redis = connect(url, { name: 'shared store', logger });
  const subscriber = connect(url, { name: 'deletions', logger });
  const guard = new Guard({ timeoutMs, onAsked: telling(counts, logger) });
  const deletions = new Deletions({ redis, subscriber }, guard, DELETION_MS, logger);
  const store = new SharedStore(redis, guard, deletions, {
    ttlMs,
    onCorrupt: () => {
      counts.corrupt();
      logger.warn('a value of the shared store was torn or none of ours: it was dropped');
    },
    onBytes: (direction, bytes) => counts.bytes(direction, bytes),
  });
  const close = () => {
    disconnect(redis);
    disconnect(subscriber);
  };
  return { redis, guard, store, deletions, counts, close };
}

/** Connects to where the queue is. */
export function connectQueue(url: string, counts: FleetMetrics, logger: Logger) {
  const redis = connect(url, { name: 'queue', logger });
  const patient = connect(url, { name: 'queue events', patient: true, logger });
  const guard = new Guard({ timeoutMs: QUEUE_MS, onAsked: telling(counts, logger) });
  const close = () => {
    disconnect(redis);
    disconnect(patient);
  };
  return { redis, patient, guard, close };
}

/** Joins the processes that share a Redis. */
export async function createFleet(
  config: Config,
  shared: NonNullable<Config['shared']>,
  metrics: Metrics,
  logger: Logger,
): Promise<Fleet> {
  const { redis, guard, store, deletions, counts, close } = createShared(shared, metrics, logger);
  const queue =
    config.encode === 'local' ? undefined : createQueue(config, metrics, counts, logger);
  void checkRoles({ shared: redis, queue: queue?.redis }, shared.url === config.queue.url, logger);
  await Promise.all(
    [redis, ...(queue ? [queue.redis] : [])].map((each) => settle(each, SETTLE_MS)),
  );
  const leads = new Leads(redis, guard);
  const onJoined = () => counts.joined();
  return {
    store,
    access: { countTogether: (kind, local) => new SharedRate(kind, local, redis, guard) },
    logits: (local) => new SharedLogits(local, redis, guard, shared.logitsTtlMs),
    makerOf: (lane, own) => {
      const here = new SharedMaker({ ...own, shared: store, leads, onJoined });
      if (!queue) return here;
      return new QueueMaker({
        ...{ lane, shared: store, store: own.store, onJoined },
        ...{ queue: queue.queue, redis: queue.redis, guard: queue.guard, starts: queue.starts },
        check: (image) => own.images.check(image),
        local: config.encode === 'queue-or-local' ? here : undefined,
        retryAfter: () => queue.load.retryAfter,
        onFallback: () => queue.counts.fallback(),
      });
    },
    checkRoom: queue?.checkRoom,
    start: (forget) => deletions.start(forget),
    close: async () => {
      await queue?.close();
      close();
    },
  };
}

function createQueue(config: Config, metrics: Metrics, shared: FleetMetrics, logger: Logger) {
  const { url, ...limits } = config.queue;
  const { redis, patient, guard, close } = connectQueue(url, shared, logger);
  const load = new FleetLoad(redis, guard, limits);
  const retryAfter = () => load.retryAfter;
  const queue = new EncodeQueue(redis, patient, guard, { ...limits, retryAfter });
  load.watch(queue);
  const counts = new QueueMetrics(metrics.registry, () => load.load);
  const starts = new Starts(redis, guard, logger);
  return {
    ...{ redis, guard, load, queue, counts, starts },
    checkRoom: () => {
      // What cannot go into the queue is encoded here, where it may be.
      if (load.load || config.encode === 'queue') load.check();
    },
    close: async () => {
      load.stop();
      await queue.close();
      close();
    },
  };
}

/** Counts questions, and says now and then why they had no answer. */
function telling(counts: FleetMetrics, logger: Logger) {
  let quietUntil = 0;
  return (command: string, how: Answered, ms: number, reason: string) => {
    counts.asked(command, how, ms);
    if (how === 'answered' || how === 'skipped' || performance.now() < quietUntil) return;
    quietUntil = performance.now() + QUIET_MS;
    logger.warn({ command, how, reason }, 'Redis did not answer');
  };
}
