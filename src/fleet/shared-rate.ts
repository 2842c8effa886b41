import type { RateCounter } from '../core/ports.js';
import type { Connection } from './connection.js';
import type { Guard } from './guard.js';
import { keys } from './keys.js';
import { Script } from './script.js';

const WINDOW_MS = 60_000;

/** Counts up to the limit, from the first request of a minute. Answers how long is left of it where that is reached. */
const COUNT = new Script(`
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count >= tonumber(ARGV[1]) then return redis.call('PTTL', KEYS[1]) end
if redis.call('INCR', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return -1`);

/** Requests of a client at all processes together; without an answer, at this one. */
export class SharedRate implements RateCounter {
  readonly max: number;
  readonly #kind: string;
  readonly #local: RateCounter;
  readonly #redis: Connection;
  readonly #guard: Guard;

  /** @param kind of what its clients' names are. */
  constructor(kind: string, local: RateCounter, redis: Connection, guard: Guard) {
    this.max = local.max;
    this.#kind = kind;
    this.#local = local;
    this.#redis = redis;
    this.#guard = guard;
  }

  async count(client: string): Promise<number | undefined> {
    // Who is blocked here is so everywhere, and costs no question.
    const blocked = await this.#local.count(client);
    if (blocked !== undefined) return blocked;
    const wait = await this.#guard.ask('rate', () =>
      COUNT.run(this.#redis, [keys.rate(this.#kind, client)], this.max, WINDOW_MS),
    );
    return typeof wait === 'number' && wait >= 0 ? wait : undefined;
  }
}
