import { check } from './client.js';
import { leftovers } from './gauges.js';
import { watchMemory } from './process-tree.js';
import type { Statuses } from './siege/attacker.js';
import { Attackers } from './siege/attackers.js';
import { Honest, type Seen } from './siege/honest.js';
import { KINDS } from './siege/kinds.js';
import type { Numbers, Victim } from './victim.js';

/** Honest uploads, as a share of what the machine embeds when it does nothing else. */
const LOAD = Number(process.env['LOAD'] ?? 0.5);

/** Bytes of data that a process under siege may have. */
export const SIEGE_BYTES = 3 * 2 ** 30;

export interface SiegeFigures {
  readonly seconds: number;
  /** New images a second that the machine embeds when it does nothing else; a share of it is the honest load. */
  readonly mostUploads: number;
  /** What honest clients see of that load alone, and under siege. */
  readonly alone: Seen;
  readonly besieged: Seen;
  /** By kind and status, 0 for connections that were ended without an answer. */
  readonly attacks: Record<string, Statuses>;
  /** Seconds of the processor that attackers themselves took. */
  readonly attackersProcessor: number;
  /** MiB of the service and its children together. */
  readonly residentAlone: number;
  readonly residentPeak: number;
  /** Milliseconds, as the service itself measures it, over the whole siege. */
  readonly loopDelayP99: number;
  /** Gauges that do not go back to zero. */
  readonly left: Numbers;
}

export interface SiegeSize {
  readonly seconds: number;
  /** Seconds for each of the two measurements without attackers. */
  readonly aloneSeconds: number;
  /** Of the full size of each attack. */
  readonly share: number;
}

/** All kinds of attack at once, from many connections of eight addresses, against honest clients from another. */
export async function siege(
  victim: Victim,
  { seconds, aloneSeconds, share }: SiegeSize,
): Promise<SiegeFigures> {
  const honest = await Honest.start(victim.url);
  const names = chosenKinds();
  // Two processes: one that waits for its own large buffers does not keep the other from attacking.
  const halves = [0, 1].map((half) => names.filter((_, i) => i % 2 === half));
  const { id } = honest;
  const attackers = await Attackers.prepare({ port: victim.port, id, share }, ...halves);
  try {
    const mostUploads = await honest.most(aloneSeconds);
    const alone = await honest.live(LOAD * mostUploads, aloneSeconds);
    const residentAlone = Math.round(victim.residentOfAll);
    const peak = watchMemory(victim.pid);
    // The service's own measure of its delay begins anew whenever it is asked for.
    await victim.metrics();
    attackers.start();
    const besieged = await honest.live(LOAD * mostUploads, seconds);
    const delay = await lastDelay(victim);
    const { statuses, processor } = await attackers.stop();
    const left = await leftovers(victim, 20).catch(() => ({ '/metrics is not answered': 1 }));
    const residentPeak = Math.round(peak());
    return {
      ...{ seconds, mostUploads, alone, besieged, attacks: statuses, left },
      ...{ attackersProcessor: processor, residentAlone, residentPeak, loopDelayP99: delay },
    };
  } finally {
    attackers.kill();
    honest.close();
  }
}

/** All, or those that KINDS names with commas between. */
function chosenKinds(): string[] {
  const names = KINDS.map(({ name }) => name);
  const chosen = process.env['KINDS']?.split(',');
  return chosen ? names.filter((name) => chosen.includes(name)) : names;
}

/** Infinite when the service does not even answer that. */
async function lastDelay(victim: Victim): Promise<number> {
  const metrics = await victim.metrics().catch((): Numbers => ({}));
  return 1000 * (metrics['nodejs_eventloop_lag_p99_seconds'] ?? Number.POSITIVE_INFINITY);
}

/**
 * @param timed whether the claims about time are among those that must hold.
 * @throws with all claims that do not hold
 */
export function checkSiege(victim: Victim, figures: SiegeFigures, timed = true): void {
  const { alone, besieged, residentPeak, loopDelayP99, left, attacks } = figures;
  const limit = SIEGE_BYTES / 2 ** 20;
  const idle = chosenKinds().filter((name) => Object.keys(attacks[name] ?? {}).length === 0);
  const claims: [holds: boolean, claim: string][] = [
    [victim.alive, `the service lives: ${victim.complaints.slice(-5).join(' ')}`],
    [idle.length === 0, `every kind attacks: ${idle} did not`],
    [residentPeak < limit, `resident memory < ${limit} MiB, not ${residentPeak}`],
    [Object.keys(left).length === 0, `all gauges are zero afterwards: ${JSON.stringify(left)}`],
  ];
  const timedClaims: typeof claims = [
    [loopDelayP99 < 100, `event-loop delay p99 < 100 ms, not ${loopDelayP99}`],
    [besieged.healthP99 < 100, `/healthz p99 < 100 ms, not ${besieged.healthP99}`],
    [
      besieged.clickP99 < 2 * alone.clickP99,
      `p99 of clicks < 2x ${alone.clickP99} ms, not ${besieged.clickP99}`,
    ],
    [
      besieged.uploadsAnswered >= 0.9 * besieged.uploads,
      `90 % of ${besieged.uploads} uploads are answered, not ${besieged.uploadsAnswered}`,
    ],
  ];
  if (timed) claims.push(...timedClaims);
  const broken = claims.filter(([holds]) => !holds).map(([, claim]) => claim);
  check(broken.length === 0, broken.join('; '));
}
