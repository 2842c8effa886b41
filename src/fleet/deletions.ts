import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { Logger } from 'pino';
import type { EmbeddingKey } from '../core/ports.js';
import type { Connection } from './connection.js';
import type { Guard } from './guard.js';
import { channels, keys } from './keys.js';
import { Script } from './script.js';
import type { Announcer } from './shared-store.js';

/** Deletions that are remembered for processes that were away: so many, and for a week. */
const MAX_LOGGED = 100_000;
const LOG_TTL_MS = 7 * 86_400_000;
const PAGE = 1000;

/** Trimming first, which a Redis that is full does not refuse, and then nothing that follows it. */
const LOG = new Script(`
redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[1])
redis.call('XADD', KEYS[1], '*', 'notice', ARGV[3])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

/** Drops an embedding from all that this process has. @returns whether there was one */
export type Forget = (key: EmbeddingKey) => Promise<boolean>;

interface Notice {
  readonly id: string;
  readonly from: string;
  readonly key: EmbeddingKey;
}

/**
 * Deletions, as all processes hear of them: at once while they are connected, since who deletes waits for their answers,
 * and from a log when they come back.
 */
export class Deletions implements Announcer {
  readonly #redis: Connection;
  readonly #subscriber: Connection;
  readonly #guard: Guard;
  readonly #logger: Logger;
  readonly #timeoutMs: number;
  readonly #self = randomUUID();
  readonly #answers = new EventEmitter();
  #forget: Forget = async () => false;
  /** What of the log has been read. */
  #seen = '0';

  /** @param subscriber a connection for nothing else. @param timeoutMs how long other processes are waited for. */
  constructor(
    connections: { redis: Connection; subscriber: Connection },
    guard: Guard,
    timeoutMs: number,
    logger: Logger,
  ) {
    this.#redis = connections.redis;
    this.#subscriber = connections.subscriber;
    this.#guard = guard;
    this.#timeoutMs = timeoutMs;
    this.#logger = logger;
    this.#answers.setMaxListeners(0);
  }

  /** Begins to listen. @param forget what is to be done for each. */
  start(forget: Forget): void {
    this.#forget = forget;
    this.#subscriber.on('message', (channel: string, message: string) => {
      const said = parsed(message);
      if (!said) return;
      if (channel === channels.deleted) void this.#hear(said as Notice);
      else this.#answers.emit('answer', said);
    });
    this.#subscriber.on('ready', () => void this.#resume());
    if (this.#subscriber.status === 'ready') void this.#resume();
  }

  /** @throws NoAnswer */
  async announce(key: EmbeddingKey): Promise<boolean> {
    const notice: Notice = { id: randomUUID(), from: this.#self, key };
    const text = JSON.stringify(notice);
    const answers = this.#collect(notice.id);
    try {
      await this.#guard.insist('log', () =>
        LOG.run(this.#redis, [keys.log], MAX_LOGGED, LOG_TTL_MS, text),
      );
      const listeners = await this.#guard.insist('publish', () =>
        this.#redis.publish(channels.deleted, text),
      );
      return await answers.of(listeners);
    } finally {
      answers.close();
    }
  }

  #collect(id: string) {
    const { signal, abort } = bounded(this.#timeoutMs);
    let heard = 0;
    let had = false;
    const note = (answer: { id: string; had: boolean }) => {
      if (answer.id !== id) return;
      heard++;
      had ||= answer.had;
      this.#answers.emit(id);
    };
    this.#answers.on('answer', note);
    return {
      of: async (listeners: number): Promise<boolean> => {
        while (heard < listeners && !signal.aborted) {
          await once(this.#answers, id, { signal }).catch(() => {});
        }
        if (heard < listeners) {
          const silent = listeners - heard;
          this.#logger.warn({ silent }, 'processes have not said that they forgot an embedding');
        }
        return had;
      },
      close: () => {
        this.#answers.off('answer', note);
        abort();
      },
    };
  }

  async #hear({ id, from, key }: Notice): Promise<void> {
    // Who deletes has done so, and may have begun to make it anew.
    const had = key && from !== this.#self && (await this.#forget(key).catch(() => false));
    const answer = JSON.stringify({ id, had });
    await this.#guard.ask('answer', () => this.#redis.publish(channels.forgotten(from), answer));
  }

  async #resume(): Promise<void> {
    try {
      await this.#subscriber.subscribe(channels.deleted, channels.forgotten(this.#self));
      for (;;) {
        const entries = await this.#subscriberLog();
        for (const [at, [, text = '{}']] of entries) {
          const notice = parsed(text) as Notice | undefined;
          if (notice?.key && notice.from !== this.#self) {
            await this.#forget(notice.key).catch(() => false);
          }
          this.#seen = `(${at}`;
        }
        if (entries.length < PAGE) return;
      }
    } catch (error) {
      const reason = (error as Error).message;
      this.#logger.warn({ reason }, 'deletions of other processes are not heard of');
      // Another connection begins from where this one has ended.
      this.#subscriber.disconnect(true);
    }
  }

  #subscriberLog() {
    const from = this.#seen === '0' ? '-' : this.#seen;
    return this.#guard.insist('read log', () =>
      this.#redis.xrange(keys.log, from, '+', 'COUNT', PAGE),
    );
  }
}

/** What a message says; nothing of one that is none of ours. */
function parsed(message: string): object | undefined {
  try {
    const said: unknown = JSON.parse(message);
    return said && typeof said === 'object' ? said : undefined;
  } catch {
    return undefined;
  }
}

function bounded(ms: number) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  return {
    signal: controller.signal,
    abort: () => {
      clearTimeout(timer);
      controller.abort();
    },
  };
}
