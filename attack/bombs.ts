import { Client, check, percentile, watchHealth } from './client.js';
import { bomb } from './images.js';
import type { Victim } from './victim.js';

export interface BombFigures {
  readonly statuses: Record<string, number>;
  /** MiB. */
  readonly before: number;
  readonly peak: number;
  readonly healthP99: number;
}

/** Small files of many pixels each, all at once; each as large as may just be decoded, or larger. */
export async function bombs(victim: Victim, count: number, side: number): Promise<BombFigures> {
  const client = new Client(victim.url);
  const file = await bomb(side, side);
  const before = victim.resident;
  const healthy = watchHealth(new Client(victim.url));
  const replies = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      client.embed(Buffer.concat([file, Buffer.from(`#${i}`)])),
    ),
  );
  const healthP99 = percentile(await healthy(), 0.99);
  const statuses: Record<string, number> = {};
  for (const { status } of replies) statuses[status] = (statuses[status] ?? 0) + 1;
  check(
    replies.every(({ status }) => [201, 422, 503].includes(status)),
    `bombs are embedded, refused or shed: ${JSON.stringify(statuses)}`,
  );
  client.close();
  return { statuses, before, peak: victim.peak, healthP99 };
}
