import { CLIENTS, contest, load, photograph, report, variants } from './contest.js';

/** POST /embed with a new 1600x1200 JPEG each time, batch 1. */
await contest(async (ours, weekend) => {
  const body = variants(await photograph());
  const request = { path: '/embed', type: 'image/jpeg', body };
  for (const contender of [ours, weekend]) await load(contender, request, 1, 2);
  for (const clients of CLIENTS) {
    const amount = Math.max(10, clients);
    const score = await load(ours, request, clients, amount);
    report(`encode, ${clients} clients`, score, await load(weekend, request, clients, amount));
  }
});
