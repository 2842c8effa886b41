import { randomUUID } from 'node:crypto';
import { entryName } from '../core/embedding.js';
import type { EmbeddingKey } from '../core/ports.js';
import type { Connection } from './connection.js';
import type { Guard } from './guard.js';
import { keys } from './keys.js';
import { Script } from './script.js';

/** Who dies leaves the lead to others after so long. */
const LEAD_MS = 5000;
const RENEW_MS = 1500;

const RENEW = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

const LEAVE = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`);

/** Of several processes that want the same embedding, the one that makes it. */
export class Leads {
  readonly #redis: Connection;
  readonly #guard: Guard;

  constructor(redis: Connection, guard: Guard) {
    this.#redis = redis;
    this.#guard = guard;
  }

  /**
   * Takes the lead, unless another process has it.
   * @param deletions of the embedding so far: what begins after one is another's work.
   * @returns what gives it up, or undefined. Without an answer each process makes its own.
   */
  async take(key: EmbeddingKey, deletions: string): Promise<(() => void) | undefined> {
    const name = keys.lead(`${entryName(key)}/${deletions}`);
    const token = randomUUID();
    const taken = await this.#guard.ask('lead', () =>
      this.#redis.set(name, token, 'PX', LEAD_MS, 'NX'),
    );
    if (taken === undefined) return () => {};
    if (taken === null) return undefined;
    const renewing = setInterval(() => {
      void this.#guard.ask('renew', () => RENEW.run(this.#redis, [name], token, LEAD_MS));
    }, RENEW_MS).unref();
    return () => {
      clearInterval(renewing);
      void this.#guard.ask('leave', () => LEAVE.run(this.#redis, [name], token));
    };
  }
}
