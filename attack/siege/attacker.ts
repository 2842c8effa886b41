import { setMaxListeners } from 'node:events';
import { setPriority } from 'node:os';
import { setTimeout as after } from 'node:timers/promises';
import type { Target } from '../wire.js';
import type { Attack, Kind } from './kind.js';
import { KINDS } from './kinds.js';

/** What a process of attackers is told. */
export interface Orders {
  readonly port: number;
  readonly id: string;
  readonly kinds: readonly string[];
  /** Of the full size. */
  readonly share: number;
}

/** How many attacks of one kind were begun, and how they were answered: by status, 0 when they were cut off. */
export type Statuses = Record<string, number>;

/** What it tells in the end. */
export interface Deeds {
  readonly statuses: Record<string, Statuses>;
  /** Seconds of the processor that the attackers themselves took. */
  readonly processor: number;
}

/** The first of the addresses attackers come from: 127.0.0.2 to 127.0.0.9. */
const FIRST = 2;
const ADDRESSES = Number(process.env['ADDRESSES'] ?? 8);

/** Attacks with one kind over and over, on one connection at a time. */
async function attack(
  once: Attack,
  target: Target & { signal: AbortSignal },
  pauseMs: number,
  statuses: Statuses,
): Promise<void> {
  while (!target.signal.aborted) {
    statuses['begun'] = (statuses['begun'] ?? 0) + 1;
    const status = await once(target);
    // What is cut off by the end of the siege was not answered by anybody.
    if (!target.signal.aborted) statuses[status] = (statuses[status] ?? 0) + 1;
    await after(pauseMs, undefined, { signal: target.signal }).catch(() => {});
  }
}

/**
 * A process of attackers: makes ready what it sends, says so, attacks when it is told `start`, and tells what came
 * of it when it is told `stop`.
 */
async function main({ port, id, kinds, share }: Orders): Promise<void> {
  // What an attack costs the attacker is to be no part of what it costs the service: it has the same cores.
  setPriority(10);
  const chosen = KINDS.filter(({ name }) => kinds.includes(name));
  const ready: (Kind & { once: Attack })[] = [];
  for (const kind of chosen) ready.push({ ...kind, once: await kind.prepare(share) });
  const statuses: Record<string, Statuses> = {};
  const ended = new AbortController();
  setMaxListeners(0, ended.signal);
  let attacks: Promise<void>[] = [];
  process.on('message', async (order) => {
    if (order === 'start') {
      attacks = ready.flatMap(({ name, connections, pauseMs, once }) => {
        const counts: Statuses = {};
        statuses[name] = counts;
        return Array.from({ length: connections }, (_, i) => {
          const address = FIRST + ((KINDS.findIndex((kind) => kind.name === name) + i) % ADDRESSES);
          const target = { port, id, from: `127.0.0.${address}`, signal: ended.signal };
          return attack(once, target, pauseMs, counts);
        });
      });
      return;
    }
    ended.abort();
    await Promise.all(attacks);
    const { user, system } = process.cpuUsage();
    const deeds: Deeds = { statuses, processor: (user + system) / 1e6 };
    process.send?.(deeds, () => process.disconnect());
  });
  process.send?.('ready');
}

await main(JSON.parse(process.argv[2] as string) as Orders);
