import { CLIENTS, type Contender, contest, load, photograph, report, variants } from './contest.js';

/** Clicks while photographs come in: POST /decode as in `decode`, with one client that embeds new images. */
await contest(async (ours, weekend) => {
  const image = await photograph();
  const next = variants(image);
  const run = async (contender: Contender, clients: number) => {
    const prompt = { embedding_id: await contender.embed(image), box: [160, 160, 560, 560] };
    const body = Buffer.from(JSON.stringify(prompt));
    let embedding = true;
    const background = (async () => {
      while (embedding) await contender.embed(next());
    })();
    const request = { path: '/decode', type: 'application/json', body: () => body };
    const score = await load(contender, request, clients, 64);
    embedding = false;
    await background;
    return score;
  };
  for (const clients of CLIENTS) {
    const score = await run(ours, clients);
    report(`clicks under encodes, ${clients} clients`, score, await run(weekend, clients));
  }
});
