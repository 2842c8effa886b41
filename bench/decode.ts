import { CLIENTS, type Contender, contest, load, photograph, report } from './contest.js';

/** POST /decode with one box, batch 1, one mask of 1600x1200 pixels as RLE. */
await contest(async (ours, weekend) => {
  const image = await photograph();
  const requestFor = async (contender: Contender) => {
    const prompt = { embedding_id: await contender.embed(image), box: [160, 160, 560, 560] };
    const body = Buffer.from(JSON.stringify(prompt));
    return { path: '/decode', type: 'application/json', body: () => body };
  };
  const [a, b] = [await requestFor(ours), await requestFor(weekend)];
  await load(ours, a, 4, 20);
  await load(weekend, b, 4, 20);
  for (const clients of CLIENTS) {
    const score = await load(ours, a, clients, 100);
    report(`decode, ${clients} clients`, score, await load(weekend, b, clients, 100));
  }
});
