import { Contender } from './contest.js';

/** Runs of each, in turns. */
const TURNS = 2;

/**
 * Everything mode with two decode workers of one thread against one, and the time of the first mask that is told, as a share
 * of its run's. The first run of each, which opens the network, is not counted.
 * @param one a service with one worker.
 */
export async function compareWorkers(one: Contender, image: Uint8Array): Promise<void> {
  process.env['SAM_DECODE_WORKERS'] = '2';
  const two = await Contender.start('ours');
  try {
    const services = await Promise.all(
      [one, two].map(async (service) => ({ service, embedding_id: await service.embed(image) })),
    );
    for (const { service, embedding_id } of services) await events(service, embedding_id, 4);
    const sums = services.map(() => ({ ms: 0, first: 0 }));
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [i, { service, embedding_id }] of services.entries()) {
        const { ms, first } = await events(service, embedding_id, 32);
        const sum = sums[i] as (typeof sums)[0];
        sum.ms += ms;
        sum.first += first;
      }
    }
    const [alone, both] = sums as [(typeof sums)[0], (typeof sums)[0]];
    console.log(
      `one worker to two: ${(alone.ms / both.ms).toFixed(2)}x (>= 1.8x); first mask after ` +
        `${(both.first / TURNS).toFixed(0)} ms, ${(both.first / both.ms).toFixed(3)} of the run with two workers, ` +
        `${(alone.first / alone.ms).toFixed(3)} with one`,
    );
  } finally {
    await two.stop();
  }
}

/** Milliseconds until the first mask was told, and until the end. */
async function events({ url }: Contender, embedding_id: string, points_per_side: number) {
  const start = performance.now();
  const response = await fetch(`${url}/everything`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/x-ndjson' },
    body: JSON.stringify({ embedding_id, points_per_side }),
  });
  let first = Number.NaN;
  const text = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    const isMask = text.decode(chunk, { stream: true }).includes('"type":"mask"');
    if (Number.isNaN(first) && isMask) first = performance.now() - start;
  }
  return { first, ms: performance.now() - start };
}
