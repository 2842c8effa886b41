import sharp from 'sharp';
import { draw, scene } from '../test/fixtures/scenes.js';
import { Contender, load, variants } from './contest.js';

/** Memory of the service over 20,000 decodes of 50 images, more than its contexts hold: four clients, one box each. */
const IMAGES = 50;
const DECODES = 20_000;
const STEPS = 20;

const ours = await Contender.start('ours');
try {
  const next = variants(
    await sharp(await draw(scene(1)))
      .jpeg()
      .toBuffer(),
  );
  const bodies: Buffer[] = [];
  for (let i = 0; i < IMAGES; i++) {
    const prompt = { embedding_id: await ours.embed(next()), box: [40, 40, 140, 140] };
    bodies.push(Buffer.from(JSON.stringify(prompt)));
  }
  let turn = 0;
  const body = () => bodies[turn++ % IMAGES] as Buffer;
  const decode = { path: '/decode', type: 'application/json', body };
  await load(ours, decode, 4, DECODES / STEPS);

  const points: [decodes: number, megabytes: number][] = [];
  for (let step = 1; step <= STEPS; step++) {
    const { loop } = await load(ours, decode, 4, DECODES / STEPS);
    points.push([(step * DECODES) / STEPS, loop.rss / 2 ** 20]);
    console.log(
      `${String(points.at(-1)?.[0]).padStart(8)} decodes ${(loop.rss / 2 ** 20).toFixed(0).padStart(6)} MiB`,
    );
  }
  const mean = (pick: (point: [number, number]) => number) =>
    points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [x, y] = [mean(([n]) => n), mean(([, mb]) => mb)];
  const slope = mean(([n, mb]) => (n - x) * (mb - y)) / mean(([n]) => (n - x) ** 2);
  const share = ((slope * DECODES) / y) * 100;
  console.log(
    `slope ${(slope * 1000).toFixed(3)} MiB for 1,000 decodes: ${share.toFixed(1)} % of ${y.toFixed(0)} MiB over all`,
  );
} finally {
  ours.stop();
}
