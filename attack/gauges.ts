import { setTimeout as after } from 'node:timers/promises';
import { HELD } from '../test/fixtures/gauges.js';
import type { Numbers, Victim } from './victim.js';

/** The gauges of what requests hold that are not zero, once they are or `seconds` are over. */
export async function leftovers(victim: Victim, seconds = 5): Promise<Numbers> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const left = Object.entries(await victim.metrics()).filter(
      ([name, value]) => HELD.test(name) && value !== 0,
    );
    if (left.length === 0 || performance.now() > end) return Object.fromEntries(left);
    await after(50);
  }
}

/** Bytes that are booked for requests now, of one kind or of all; undefined where nothing is booked at all. */
export async function booked(victim: Victim, kind?: string): Promise<number | undefined> {
  const found = Object.entries(await victim.metrics()).filter(([name]) =>
    name.startsWith(kind ? `sam_memory_bytes{kind="${kind}"}` : 'sam_memory_bytes{'),
  );
  if (found.length === 0) return undefined;
  return found.reduce((sum, [, value]) => sum + value, 0);
}
