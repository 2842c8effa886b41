import { CLIENTS, type Contender, contest, load, photograph, report, variants } from './contest.js';

/** Photographs that are clicked on. */
const HOT = 4;
const CLICKS = 192;

/** Clicks on four photographs in turn: POST /decode with one box, one mask of 1600x1200 pixels as RLE. */
async function clicksOn(contender: Contender, next: () => Buffer) {
  const bodies: Buffer[] = [];
  for (let i = 0; i < HOT; i++) {
    const prompt = { embedding_id: await contender.embed(next()), box: [160, 160, 560, 560] };
    bodies.push(Buffer.from(JSON.stringify(prompt)));
  }
  let turn = 0;
  const body = () => bodies[turn++ % HOT] as Buffer;
  return { path: '/decode', type: 'application/json', body };
}

await contest(async (ours, weekend) => {
  const next = variants(await photograph());
  const [a, b] = [await clicksOn(ours, next), await clicksOn(weekend, next)];
  await load(ours, a, 4, 32);
  await load(weekend, b, 4, 32);
  for (const clients of CLIENTS) {
    const score = await load(ours, a, clients, CLICKS);
    report(`clicks, ${clients} clients`, score, await load(weekend, b, clients, CLICKS));
  }
  const underEncodes = async (contender: Contender, clicks: typeof a, clients: number) => {
    let embedding = true;
    const background = (async () => {
      while (embedding) await contender.embed(next());
    })();
    const score = await load(contender, clicks, clients, CLICKS);
    embedding = false;
    await background;
    return score;
  };
  for (const clients of CLIENTS) {
    const free = await load(ours, a, clients, CLICKS);
    const busy = await underEncodes(ours, a, clients);
    const baseline = await underEncodes(weekend, b, clients);
    report(`clicks under encodes, ${clients} clients`, busy, baseline);
    console.log(
      `  p99 with encodes / without, ours${(busy.p99 / free.p99).toFixed(2).padStart(22)}x`,
    );
  }
});
