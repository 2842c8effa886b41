import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { MEMORY_KINDS, type MemoryKind } from '../core/caller.js';
import type { Tier, Timings } from '../core/ports.js';

/** From a tenth of a click to an encode that waited. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What is asked at each scrape rather than told as it happens. */
export interface Sources {
  readonly lanes: Readonly<Record<string, () => { waiting: number; running: number }>>;
  readonly tiers: Partial<Readonly<Record<Tier, () => { entries: number; bytes: number }>>>;
  readonly uploads: () => number;
  readonly memory: (kind: MemoryKind) => number;
  readonly pixels: () => number;
  readonly keysInvalid: () => boolean;
}

/** A task of a lane that has ended, in milliseconds. */
export interface TaskCount {
  readonly kind: string;
  readonly waitMs: number;
  readonly runMs: number;
  readonly failed: boolean;
  /** Its steps, where it says them. */
  readonly timings: Timings | undefined;
}

/** What operators see, in the words of Prometheus. */
export class Metrics {
  /** Where parts that are loaded when they are needed put theirs. */
  readonly registry = new Registry();
  readonly #requests = this.#counter('sam_requests_total', 'Requests answered', [
    'method',
    'route',
    'status',
  ]);
  readonly #duration = this.#histogram('sam_request_seconds', 'From headers to answer', ['route']);
  readonly #rejected = this.#counter('sam_rejected_total', 'Requests refused, by problem', [
    'reason',
  ]);
  readonly #lookups = this.#counter('sam_cache_lookups_total', 'Embeddings asked for', ['tier']);
  readonly #flights = this.#counter('sam_embeds_total', 'Images embedded, by how', ['flight']);
  readonly #evictions = this.#counter('sam_cache_evictions_total', 'Embeddings that made room', [
    'tier',
  ]);
  readonly #diskFaults = this.#counter('sam_disk_faults_total', 'What went wrong on disk', [
    'fault',
  ]);
  readonly #failures = this.#counter('sam_lane_failures_total', 'Tasks that failed unforeseen', [
    'lane',
    'task',
  ]);
  readonly #workersLost = this.#counter('sam_workers_lost_total', 'Workers that died', ['lane']);
  readonly #wait = this.#histogram('sam_lane_wait_seconds', 'Time tasks waited for a worker', [
    'lane',
  ]);
  readonly #run = this.#histogram('sam_lane_run_seconds', 'Time tasks ran in a worker', [
    'lane',
    'task',
  ]);
  readonly #steps = this.#histogram('sam_step_seconds', 'Time the steps of a task took', [
    'lane',
    'step',
  ]);
  readonly #provider = this.#gauge('sam_provider_info', 'Where each network runs', [
    'model',
    'network',
    'provider',
  ]);

  constructor() {
    // Memory, processor, garbage collection and the delay of the event loop.
    collectDefaultMetrics({ register: this.registry });
  }

  /** Names what is measured when asked. */
  watch({ lanes, tiers, uploads, memory, pixels, keysInvalid }: Sources): void {
    this.#gauge('sam_lane_waiting', 'Tasks in the queue of a lane', ['lane'], (gauge) => {
      for (const [lane, load] of Object.entries(lanes)) gauge.set({ lane }, load().waiting);
    });
    this.#gauge('sam_lane_running', 'Tasks in the workers of a lane', ['lane'], (gauge) => {
      for (const [lane, load] of Object.entries(lanes)) gauge.set({ lane }, load().running);
    });
    this.#gauge('sam_cache_bytes', 'Bytes of embeddings kept', ['tier'], (gauge) => {
      for (const [tier, usage] of Object.entries(tiers)) gauge.set({ tier }, usage().bytes);
    });
    this.#gauge('sam_cache_entries', 'Embeddings kept', ['tier'], (gauge) => {
      for (const [tier, usage] of Object.entries(tiers)) gauge.set({ tier }, usage().entries);
    });
    this.#gauge('sam_upload_bytes', 'Bytes of bodies held for requests', [], (gauge) => {
      gauge.set(uploads());
    });
    this.#gauge('sam_memory_bytes', 'Bytes held for requests, by what for', ['kind'], (gauge) => {
      for (const kind of MEMORY_KINDS) gauge.set({ kind }, memory(kind));
    });
    this.#gauge('sam_pixels_in_flight', 'Pixels of images in or before the lane', [], (gauge) => {
      gauge.set(pixels());
    });
    this.#gauge('sam_keys_file_invalid', 'Whether the keys are those of before', [], (gauge) => {
      gauge.set(keysInvalid() ? 1 : 0);
    });
  }

  /** @param route the pattern, never the path: series must not grow with what clients send. */
  answered(method: string, route: string, status: number, ms: number): void {
    this.#requests.inc({ method, route, status });
    this.#duration.observe({ route }, ms / 1000);
  }

  rejected(reason: string): void {
    this.#rejected.inc({ reason });
  }

  lookup(tier: Tier | 'none'): void {
    this.#lookups.inc({ tier });
  }

  flight(flight: string): void {
    this.#flights.inc({ flight });
  }

  evicted(tier: Tier): void {
    this.#evictions.inc({ tier });
  }

  diskFault(fault: string): void {
    this.#diskFaults.inc({ fault });
  }

  workerLost(lane: string): void {
    this.#workersLost.inc({ lane });
  }

  task(lane: string, { kind, waitMs, runMs, failed, timings = {} }: TaskCount): void {
    if (failed) this.#failures.inc({ lane, task: kind });
    this.#wait.observe({ lane }, waitMs / 1000);
    this.#run.observe({ lane, task: kind }, runMs / 1000);
    for (const [name, ms] of Object.entries(timings)) {
      this.#steps.observe({ lane, step: name.replace(/_ms$/, '') }, ms / 1000);
    }
  }

  provider(model: string, network: string, provider: string): void {
    this.#provider.set({ model, network, provider }, 1);
  }

  /** All of it, as Prometheus reads it. */
  async expose(): Promise<{ type: string; text: string }> {
    return { type: this.registry.contentType, text: await this.registry.metrics() };
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: L[]): Histogram<L> {
    return new Histogram({ name, help, labelNames, buckets: SECONDS, registers: [this.registry] });
  }

  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    collect?: (gauge: Gauge<L>) => void,
  ): Gauge<L> {
    return new Gauge({
      ...{ name, help, labelNames, registers: [this.registry] },
      ...(collect && {
        collect() {
          collect(this);
        },
      }),
    });
  }
}
