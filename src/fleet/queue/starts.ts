import type { Logger } from 'pino';
import { SamError } from '../../core/errors.js';
import type { Connection } from '../connection.js';
import type { Guard } from '../guard.js';
import { keys } from '../keys.js';
import { ABANDONED_TTL_MS, IMAGE_TTL_MS } from './encode-job.js';

/** How often an image is begun alone before it is given up. */
const MAX_STARTS = 4;

/** Counts how often jobs are begun with nothing beside them: what ends then is ended by its image. */
export class Starts {
  readonly #redis: Connection;
  readonly #guard: Guard;
  readonly #logger: Logger;

  constructor(redis: Connection, guard: Guard, logger: Logger) {
    this.#redis = redis;
    this.#guard = guard;
    this.#logger = logger;
  }

  /**
   * To be called before a job is begun alone.
   * @throws SamError `image-abandoned` for one that was begun too often: it is refused from now on, for a while
   */
  async count(job: string): Promise<void> {
    const starts = await this.#guard.insist('start', async () => {
      const count = await this.#redis.incr(keys.starts(job));
      await this.#redis.pexpire(keys.starts(job), IMAGE_TTL_MS);
      return count;
    });
    if (starts <= MAX_STARTS) return;
    await this.#guard.ask('abandon', () =>
      this.#redis.set(keys.abandoned(job), '1', 'PX', ABANDONED_TTL_MS),
    );
    this.#logger.error({ job }, 'an image has ended the processes that encode it: it is given up');
    throw abandoned(ABANDONED_TTL_MS);
  }

  /** @throws SamError `image-abandoned` for an image that was given up a while ago */
  async check(job: string): Promise<void> {
    const left = await this.#guard.insist('abandoned', () => this.#redis.pttl(keys.abandoned(job)));
    if (left > 0) throw abandoned(left);
  }
}

function abandoned(ms: number): SamError {
  const message =
    'processes that encoded this image have ended: it is given up for now, send it later';
  return new SamError('image-abandoned', message, { retryAfter: Math.ceil(ms / 1000) });
}
