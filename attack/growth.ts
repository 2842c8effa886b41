import type { Settings } from '../test/fixtures/service-process.js';
import { Client, check } from './client.js';
import { idOf, variant } from './images.js';
import { type Victim, withHook } from './victim.js';

export interface GrowthFigures {
  readonly decodes: number;
  readonly embeds: number;
  /** MiB after warm-up and at the end, by a line through all samples. */
  readonly start: number;
  readonly end: number;
  /** Percent. */
  readonly grown: number;
}

/** Memory may grow by so many percent over a run. */
export const MOST_GROWTH = 5;

/** Makes a victim keep as many bytes of every request as `file` says. */
export function leaking(file: string): Settings {
  return { ...withHook('leak'), LEAK_FILE: file };
}

/** Images that are clicked on in turn, the newest: more than the contexts below hold, and fewer than the cache does. */
const CLICKED = 12;

/** A cache of 15 embeddings, full after warm-up, so that only leaks grow; two contexts for each worker come and go. */
export const GROWTH_SETTINGS: Settings = {
  SAM_CACHE_BYTES: '64M',
  SAM_CONTEXT_BYTES: '40M',
  SAM_DECODE_WORKERS: '2',
};

export interface GrowthSize {
  readonly decodes: number;
  /** Distinct images, spread over the decodes. */
  readonly embeds: number;
  /** What comes before anything is measured. */
  readonly warmUp: { readonly decodes: number; readonly embeds: number };
}

/** Decodes and embeds of distinct images, and what they leave in memory. */
export async function growth(
  victim: Victim,
  { decodes, embeds, warmUp }: GrowthSize,
): Promise<GrowthFigures> {
  const client = new Client(victim.url);
  const clicked: string[] = [];
  let count = 0;
  const embed = async () => {
    const image = variant(`growth-${count++}`);
    const { status } = await client.embed(image);
    check(status === 201, `images are embedded, not ${status}`);
    clicked.push(idOf(image));
    if (clicked.length > CLICKED) clicked.shift();
  };
  const decode = async () => {
    const id = clicked[count % clicked.length] as string;
    const x = 20 + (count++ % 200);
    const { status } = await client.decode(id, { box: [x, 20, x + 100, 200] });
    check(status === 200, `clicks are answered, not ${status}`);
  };
  for (let i = 0; i < warmUp.embeds; i++) await embed();
  await loop(warmUp.decodes, decode);

  const samples: number[] = [];
  const sampleEvery = Math.max(1, Math.floor(decodes / 100));
  const embedEvery = decodes / Math.max(1, embeds);
  let embedded = 0;
  for (let done = 0; done < decodes; ) {
    await loop(Math.min(sampleEvery, decodes - done), decode);
    done += sampleEvery;
    for (; embedded < Math.min(embeds, done / embedEvery); embedded++) await embed();
    samples.push(victim.resident);
  }
  client.close();
  const { start, end } = line(samples);
  return { decodes, embeds: embedded, start, end, grown: (100 * (end - start)) / start };
}

/** Calls four at a time. */
async function loop(times: number, call: () => Promise<void>): Promise<void> {
  let left = times;
  const one = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all([one(), one(), one(), one()]);
}

/** The ends of the straight line nearest to the samples. */
export function line(samples: readonly number[]): { start: number; end: number } {
  const n = samples.length;
  const meanX = (n - 1) / 2;
  const meanY = samples.reduce((sum, y) => sum + y, 0) / n;
  let [xy, xx] = [0, 0];
  for (const [x, y] of samples.entries()) {
    xy += (x - meanX) * (y - meanY);
    xx += (x - meanX) ** 2;
  }
  const slope = xx > 0 ? xy / xx : 0;
  return { start: meanY - slope * meanX, end: meanY + slope * meanX };
}
