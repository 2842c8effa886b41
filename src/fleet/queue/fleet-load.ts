import { SamError } from '../../core/errors.js';
import type { Connection } from '../connection.js';
import type { Guard } from '../guard.js';
import { keys } from '../keys.js';
import { Script } from '../script.js';
import type { EncodeQueue } from './encode-queue.js';

/** Between two looks, and how long what an encode worker says of itself holds. */
const LOOK_MS = 500;
export const SAID_MS = 10_000;
/** Where no encode worker is there to judge by. */
const RETRY_SECONDS = 5;

/** Sums up the pace of those that have said it lately; clocks of machines differ, so that of Redis counts. */
const PACE = new Script(`
local now = redis.call('TIME')[1] * 1000
local workers, pace = 0, 0
for _, said in ipairs(redis.call('HVALS', KEYS[1])) do
  local at, rate = string.match(said, '^(%d+) (%S+)$')
  if at and tonumber(at) + tonumber(ARGV[1]) > now then
    workers = workers + 1
    pace = pace + tonumber(rate)
  end
end
return { workers, tostring(pace) }`);

const SAY = new Script(`
local now = redis.call('TIME')[1] * 1000
for _, who in ipairs(redis.call('HKEYS', KEYS[1])) do
  local at = string.match(redis.call('HGET', KEYS[1], who), '^(%d+)')
  if tonumber(at) + tonumber(ARGV[3]) < now then redis.call('HDEL', KEYS[1], who) end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`);

/** Says how many images an encode worker makes in a second. To be called again within `SAID_MS`. */
export function sayPace(redis: Connection, worker: string, perSecond: number): Promise<unknown> {
  return SAY.run(redis, [keys.encoders], worker, perSecond.toFixed(4), SAID_MS);
}

/** Takes back what it said. */
export function sayNoMore(redis: Connection, worker: string): Promise<unknown> {
  return redis.hdel(keys.encoders, worker);
}

/** What the encode workers have to do, as of late. */
export interface Load {
  readonly waiting: number;
  /** Parts of images, which everybody else goes before. */
  readonly crops: number;
  readonly active: number;
  /** Milliseconds since the first that waits was put there. */
  readonly oldestMs: number;
  readonly workers: number;
  readonly perSecond: number;
}

const NOTHING: Load = { waiting: 0, crops: 0, active: 0, oldestMs: 0, workers: 0, perSecond: 0 };

export interface LoadLimits {
  readonly limit: number;
  readonly queueMs: number;
}

/** Looks at the queue now and then, so that an image which has no place there is refused before it is read. */
export class FleetLoad {
  readonly #redis: Connection;
  readonly #guard: Guard;
  readonly #limits: LoadLimits;
  #load: Load | undefined = NOTHING;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(redis: Connection, guard: Guard, limits: LoadLimits) {
    this.#redis = redis;
    this.#guard = guard;
    this.#limits = limits;
  }

  watch(queue: EncodeQueue): void {
    this.#timer = setInterval(() => void this.#look(queue), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Undefined while the queue cannot be reached. */
  get load(): Load | undefined {
    return this.#load;
  }

  /** Seconds until what waits should have been encoded, at the pace of all workers. */
  get retryAfter(): number {
    const { waiting, perSecond } = this.#load ?? NOTHING;
    return perSecond > 0 ? Math.max(1, Math.ceil(waiting / perSecond)) : RETRY_SECONDS;
  }

  /** @throws SamError `overloaded` when one image more has no place, or those before it wait for too long */
  check(): void {
    const { waiting, oldestMs } = this.#load ?? NOTHING;
    const { limit, queueMs } = this.#limits;
    if (this.#load && waiting < limit && oldestMs < queueMs) return;
    const why = !this.#load
      ? 'the queue of the encode workers cannot be reached'
      : waiting < limit
        ? 'images wait too long for the encode workers'
        : 'the queue of the encode workers is full';
    throw new SamError('overloaded', why, { retryAfter: this.retryAfter });
  }

  async #look(queue: EncodeQueue): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const { oldest, ...counts } = await queue.look();
      const said = await this.#guard.insist('pace', () =>
        PACE.run(this.#redis, [keys.encoders], SAID_MS),
      );
      const [workers, perSecond] = said as [number, string];
      const oldestMs = oldest === undefined ? 0 : Math.max(0, Date.now() - oldest);
      this.#load = { ...counts, oldestMs, workers, perSecond: Number(perSecond) };
    } catch {
      this.#load = undefined;
    } finally {
      this.#looking = false;
    }
  }
}
