import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import sharp, { type Sharp } from 'sharp';
import { decompress } from '../src/masks/formats/rle.js';
import { iouOfMasks } from '../src/masks/overlap.js';
import { draw, scene } from '../test/fixtures/scenes.js';
import type { Contender } from './contest.js';

/** From which IoU on two masks are the same one. */
const SAME = 0.9;

interface Run {
  readonly ms: number;
  readonly masks: readonly {
    readonly runs: readonly number[];
    readonly bbox: readonly [number, number, number, number];
  }[];
}

/**
 * What the strategy `adaptive` finds beside what the whole grid finds, on one photograph after the other: how many of the
 * grid's masks have their like among its own, how many of its own among the grid's, and its share of the grid's time.
 * @param paths of photographs, in place of those that are at hand.
 */
export async function compareStrategies(ours: Contender, paths: readonly string[]): Promise<void> {
  const pictures: [string, Buffer][] =
    paths.length > 0 ? paths.map((path) => [path, readFileSync(path)]) : await picturesAtHand();
  const shares: [number, number, number][] = [];
  console.log(`${'adaptive'.padEnd(30)}  grid   own   found confirmed    time`);
  for (const [name, picture] of pictures) {
    const embedding_id = await ours.embed(picture);
    const ask = (strategy: string) => everything(ours, { embedding_id, strategy });
    const grid = await ask('grid');
    const own = await ask('adaptive');
    const row: [number, number, number] = [like(grid, own), like(own, grid), own.ms / grid.ms];
    shares.push(row);
    print(name, String(grid.masks.length), String(own.masks.length), row);
  }
  const mean = (column: 0 | 1 | 2) =>
    shares.reduce((sum, row) => sum + row[column], 0) / shares.length;
  print(`mean of ${shares.length}`, '', '', [mean(0), mean(1), mean(2)]);
}

function print(name: string, grid: string, own: string, row: readonly number[]): void {
  const [found, confirmed, time] = row.map((share) => share.toFixed(3).padStart(8));
  console.log(
    `${name.slice(-30).padEnd(30)}${grid.padStart(6)}${own.padStart(6)}${found}  ${confirmed}${time}x`,
  );
}

async function everything({ url }: Contender, fields: object): Promise<Run> {
  const start = performance.now();
  const response = await fetch(`${url}/everything`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fields),
  });
  const { masks } = (await response.json()) as {
    masks: { segmentation: { counts: string }; bbox: [number, number, number, number] }[];
  };
  const ms = performance.now() - start;
  return {
    ms,
    masks: masks.map(({ segmentation, bbox }) => ({ runs: decompress(segmentation.counts), bbox })),
  };
}

/** The share of one run's masks that have their like in the other; 1 where there is none. */
function like({ masks }: Run, other: Run): number {
  const found = masks.filter((mask) =>
    other.masks.some(
      // Masks whose boxes lie apart need not be compared.
      ({ runs, bbox }) => overlap(mask.bbox, bbox) && iouOfMasks(mask.runs, runs) >= SAME,
    ),
  );
  return masks.length > 0 ? found.length / masks.length : 1;
}

type Bbox = Run['masks'][0]['bbox'];

function overlap([ax, ay, aw, ah]: Bbox, [bx, by, bw, bh]: Bbox): boolean {
  return ax < bx + bw && bx < ax + aw && ay < by + bh && by < ay + ah;
}

/** The reference photographs where they are, also turned, mirrored and in parts; those of packages; and drawings. */
async function picturesAtHand(): Promise<[string, Buffer][]> {
  const { resolve } = createRequire(import.meta.url);
  const here = (path: string) => new URL(`../${path}`, import.meta.url).pathname;
  const inPackage = (name: string, path: string) =>
    resolve(`${name}/package.json`).replace('package.json', path);
  const [truck, groceries] = ['truck', 'groceries'].map((name) =>
    here(`../shared/reference/${name}.jpg`),
  ) as [string, string];
  const fromFiles: [string, string, (image: Sharp) => Sharp][] = [
    ['truck', truck, (image) => image],
    ['middle of truck', truck, (image) => image.extract(part(700, 300, 900, 800))],
    ['groceries', groceries, (image) => image],
    ['groceries, turned', groceries, (image) => image.rotate(90)],
    [
      'groceries, mirrored part',
      groceries,
      (image) => image.extract(part(250, 50, 450, 450)).flop(),
    ],
    ['autocannon', inPackage('autocannon', 'test/j5.jpeg'), (image) => image],
    [
      '@fastify/static',
      inPackage('@fastify/static', 'example/public/images/sample.jpg'),
      (image) => image,
    ],
    ['a drawn harbour', here('web/samples/harbour.svg'), (image) => image.resize(1200)],
    ['drawn fruit', here('web/samples/fruit.svg'), (image) => image.resize(1200)],
    ["the page's picture", here('docs/page.png'), (image) => image],
  ];
  const pictures: [string, Buffer][] = [];
  for (const [name, path, change] of fromFiles) {
    if (!existsSync(path)) console.log(`${name}: ${path} is not on this machine`);
    else pictures.push([name, await asJpeg(change(sharp(path)))]);
  }
  return [...pictures, ['discs and polygons', await asJpeg(sharp(await draw(scene(2))))]];
}

function asJpeg(image: Sharp): Promise<Buffer> {
  return image.flatten({ background: 'white' }).jpeg({ quality: 95 }).toBuffer();
}

function part(left: number, top: number, width: number, height: number) {
  return { left, top, width, height };
}
