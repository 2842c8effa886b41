import { Counter, Histogram, type Registry } from 'prom-client';

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
