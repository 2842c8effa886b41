import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** From a look-up on the same machine to one that is given up. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2];

/** What operators see of what processes share. */
export class FleetMetrics {
  readonly #asked: Histogram<'command'>;
  readonly #unanswered: Counter<'command' | 'how'>;
  readonly #bytes: Counter<'direction'>;
  readonly #corrupt: Counter;
  readonly #joins: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#asked = new Histogram({
      name: 'sam_shared_seconds',
      help: 'Time that questions to Redis took, whatever became of them',
      labelNames: ['command'],
      buckets: SECONDS,
      registers,
    });
    this.#unanswered = new Counter({
      name: 'sam_shared_unanswered_total',
      help: 'Questions to Redis without an answer',
      labelNames: ['command', 'how'],
      registers,
    });
    this.#bytes = new Counter({
      name: 'sam_shared_bytes_total',
      help: 'Bytes of embeddings that went to Redis and came from there',
      labelNames: ['direction'],
      registers,
    });
    this.#corrupt = new Counter({
      name: 'sam_shared_corrupt_total',
      help: 'Values in Redis that were torn or none of ours',
      registers,
    });
    this.#joins = new Counter({
      name: 'sam_shared_joins_total',
      help: 'Embeddings that another process made for a request here',
      registers,
    });
  }

  asked(command: string, how: string, ms: number): void {
    this.#asked.observe({ command }, ms / 1000);
    if (how !== 'answered') this.#unanswered.inc({ command, how });
  }

  bytes(direction: 'read' | 'written', bytes: number): void {
    this.#bytes.inc({ direction }, bytes);
  }

  corrupt(): void {
    this.#corrupt.inc();
  }

  joined(): void {
    this.#joins.inc();
  }
}

/** What a replica knows of the queue. */
export interface QueueLoad {
  readonly waiting: number;
  readonly crops: number;
  readonly active: number;
  readonly oldestMs: number;
  readonly workers: number;
  readonly perSecond: number;
}

/** What operators see of the queue, at any replica. */
export class QueueMetrics {
  readonly #fallbacks: Counter;

  /** @param load undefined while the queue cannot be reached. */
  constructor(registry: Registry, load: () => QueueLoad | undefined) {
    const registers = [registry];
    const gauge = (name: string, help: string, read: (load: QueueLoad) => number) => {
      new Gauge({
        ...{ name, help, registers },
        collect() {
          const now = load();
          if (now) this.set(read(now));
          else this.set(Number.NaN);
        },
      });
    };
    gauge('sam_queue_waiting', 'Images that wait for encode workers', (now) => now.waiting);
    gauge('sam_queue_crops', 'Parts of images that do', (now) => now.crops);
    gauge('sam_queue_active', 'Jobs that encode workers have', (now) => now.active);
    gauge('sam_queue_oldest_seconds', 'Age of the first that waits', (now) => now.oldestMs / 1000);
    gauge('sam_queue_workers', 'Encode workers that are there', (now) => now.workers);
    gauge('sam_queue_images_per_second', 'What they can make', (now) => now.perSecond);
    new Gauge({
      name: 'sam_queue_reachable',
      help: 'Whether the queue can be reached',
      registers,
      collect() {
        this.set(load() ? 1 : 0);
      },
    });
    this.#fallbacks = new Counter({
      name: 'sam_queue_fallbacks_total',
      help: 'Images that were encoded here, as the queue could not be reached',
      registers,
    });
  }

  fallback(): void {
    this.#fallbacks.inc();
  }
}

/** A job that a worker has ended, in milliseconds. */
export interface JobCount {
  readonly outcome: string;
  readonly waitMs: number;
  readonly runMs: number;
  readonly attempts: number;
}

/** From a job that finds all done to one that waited for long. */
const JOB_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What operators see of an encode worker. */
export class JobMetrics {
  readonly #jobs: Counter<'outcome'>;
  readonly #wait: Histogram;
  readonly #run: Histogram;
  readonly #again: Counter;
  readonly #stalled: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = (name: string, help: string) => new Counter({ name, help, registers });
    const histogram = (name: string, help: string) =>
      new Histogram({ name, help, buckets: JOB_SECONDS, registers });
    this.#jobs = new Counter({
      name: 'sam_jobs_total',
      help: 'Jobs ended, by how',
      labelNames: ['outcome'],
      registers,
    });
    this.#wait = histogram('sam_job_wait_seconds', 'Time jobs were in the queue');
    this.#run = histogram('sam_job_run_seconds', 'Time jobs were with a worker');
    this.#again = counter('sam_jobs_again_total', 'Jobs begun that another worker had begun');
    this.#stalled = counter('sam_jobs_stalled_total', 'Jobs taken from workers that are gone');
  }

  job({ outcome, waitMs, runMs, attempts }: JobCount): void {
    this.#jobs.inc({ outcome });
    this.#wait.observe(waitMs / 1000);
    this.#run.observe(runMs / 1000);
    if (attempts > 1) this.#again.inc();
  }

  stalled(): void {
    this.#stalled.inc();
  }
}
