import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { EmbeddingMaker, EmbeddingStore, LogitsKeeper, RateCounter } from '../core/ports.js';
import { connect, disconnect } from '../fleet/connection.js';
import { Deletions, type Forget } from '../fleet/deletions.js';
import { type Answered, Guard } from '../fleet/guard.js';
import { Leads } from '../fleet/lead.js';
import { SharedLogits } from '../fleet/shared-logits.js';
import { SharedMaker } from '../fleet/shared-maker.js';
import { SharedRate } from '../fleet/shared-rate.js';
import { SharedStore } from '../fleet/shared-store.js';
import { FleetMetrics } from '../observe/fleet-metrics.js';
import type { Metrics } from '../observe/metrics.js';
import type { ImageAdmission } from '../service/image-admission.js';

/** How long a deletion waits for what other processes say to it. */
const DELETION_MS = 1000;
/** Between two lines of the log about questions without an answer. */
const QUIET_MS = 10_000;

/** What processes that serve the same models have in common. */
export interface Fleet {
  readonly store: SharedStore;
  readonly countTogether: (kind: string, local: RateCounter) => RateCounter;
  logits(local: LogitsKeeper): LogitsKeeper;
  /** Makes what one model does of images, once for all processes. */
  makerOf(model: string, own: OwnMaker): EmbeddingMaker;
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

/** Joins the processes that share a Redis. One that cannot be reached does not keep this one from starting. */
export async function createFleet(
  _config: Config,
  shared: NonNullable<Config['shared']>,
  metrics: Metrics,
  logger: Logger,
): Promise<Fleet> {
  const counts = new FleetMetrics(metrics.registry);
  const redis = connect(shared.url, { name: 'shared store', logger });
  const subscriber = connect(shared.url, { name: 'deletions', logger });
  const guard = new Guard({
    timeoutMs: shared.timeoutMs,
    onAsked: telling(counts, logger),
  });
  const deletions = new Deletions({ redis, subscriber }, guard, DELETION_MS, logger);
  const store = new SharedStore(redis, guard, deletions, {
    ttlMs: shared.ttlMs,
    onCorrupt: () => {
      counts.corrupt();
      logger.warn('a value of the shared store was torn or none of ours: it was dropped');
    },
    onBytes: (direction, bytes) => counts.bytes(direction, bytes),
  });
  const leads = new Leads(redis, guard);
  return {
    store,
    countTogether: (kind, local) => new SharedRate(kind, local, redis, guard),
    logits: (local) => new SharedLogits(local, redis, guard, shared.logitsTtlMs),
    makerOf: (_model, own) =>
      new SharedMaker({ ...own, shared: store, leads, onJoined: () => counts.joined() }),
    start: (forget) => deletions.start(forget),
    close: async () => {
      disconnect(redis);
      disconnect(subscriber);
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
    logger.warn({ command, how, reason }, 'the shared store did not answer');
  };
}
