import { setTimeout as after } from 'node:timers/promises';
import { noise } from '../test/fixtures/pictures.js';
import { Client, check, closedLoop, percentile, poisson, type Reply } from './client.js';
import { idOf, PICTURE, variant } from './images.js';
import type { Victim } from './victim.js';

export interface OverloadFigures {
  /** Encodes a second: the most, and under ten times that. */
  readonly peak: number;
  readonly goodput: number;
  /** Milliseconds of accepted requests. */
  readonly p99At80: number;
  readonly p99Overloaded: number;
  readonly refused: number;
  readonly refusedP99: number;
  /** Of clicks under that load. */
  readonly clickP99: number;
  readonly clickFailures: number;
  /** MiB. */
  readonly residentBefore: number;
  readonly residentPeak: number;
}

/** Images that come under ten times the load: more than can wait. */
const LEAST = 16;

/** Ten times as many images as can be encoded; somebody clicks all the while, four times a second. */
export async function overload(
  victim: Victim,
  seconds: number,
  seed = 1,
): Promise<OverloadFigures> {
  const client = new Client(victim.url);
  const random = noise(seed);
  let count = 0;
  const embed = () => client.embed(variant(`overload-${seed}-${count++}`));
  const good = (replies: readonly Reply[]) => replies.filter(({ status }) => status === 201);
  const p99 = (replies: readonly Reply[]) =>
    percentile(
      replies.map(({ ms }) => ms),
      0.99,
    );
  await client.embed(PICTURE);

  let clicking = true;
  let clicks: Reply[] = [];
  const clicker = (async () => {
    while (clicking) {
      clicks.push(await client.decode(idOf(PICTURE), { box: [40, 40, 140, 140] }));
      await after(250);
    }
  })();
  const began = performance.now();
  const most = await closedLoop(4, seconds / 2, embed);
  const peak = (1000 * good(most).length) / (performance.now() - began);
  const at80 = good(await poisson(0.8 * peak, seconds, random, embed));
  const residentBefore = victim.resident;

  clicks = [];
  const start = performance.now();
  // A short run on a slow machine would not even fill the queue.
  const rate = Math.max(10 * peak, LEAST / seconds);
  const replies = await poisson(rate, seconds, random, embed);
  const took = (performance.now() - start) / 1000;
  clicking = false;
  await clicker;
  const accepted = good(replies);
  const refused = replies.filter(({ status }) => status === 503);
  check(
    accepted.length + refused.length === replies.length,
    'every request is answered 201 or 503',
  );
  check(
    refused.every(({ headers }) => Number(headers['retry-after']) >= 1),
    'every 503 has a Retry-After',
  );
  client.close();
  return {
    peak,
    goodput: accepted.length / took,
    p99At80: p99(at80),
    p99Overloaded: p99(accepted),
    refused: refused.length,
    refusedP99: p99(refused),
    clickP99: p99(clicks),
    clickFailures: clicks.filter(({ status }) => status !== 200).length,
    residentBefore,
    residentPeak: victim.peak,
  };
}
