import t from 'tap';
import type { ChooseTask } from '#src/core/everything.js';
import { compress } from '#src/masks/formats/rle.js';
import { chooseNext } from '#src/masks/novelty/novelty.js';
import { runsOf } from '../../fixtures/bitmap.js';

const SIDE = 8;
const HEIGHT = 80;
/** The middles of cells of 10 pixels. */
const points = Float64Array.from({ length: 2 * SIDE * SIDE }, (_, i) => {
  const place = i >> 1;
  return 10 * (i % 2 ? Math.floor(place / SIDE) : place % SIDE) + 5;
});
const at = (column: number, row: number) => row * SIDE + column;
const task = (fields: Partial<ChooseTask>) =>
  ({
    points,
    novelty: new Float32Array(SIDE * SIDE).fill(Number.POSITIVE_INFINITY),
    asked: [],
    found: [],
    most: 1,
    ...fields,
  }) as ChooseTask;
/** One number a point: what the model sees. */
const seen = (values: (place: number) => number) => ({
  values: Float32Array.from({ length: SIDE * SIDE }, (_, place) => values(place)),
  channels: 1,
});
const nothing = seen(() => 0);
const mask = (inside: (x: number, y: number) => boolean) => compress(runsOf(80, HEIGHT, inside));

t.test('the farthest in place, where the model sees one thing', async (t) => {
  const { places, novelty } = chooseNext(task({ asked: [at(0, 0)], most: 3 }), nothing, HEIGHT);
  t.same(places, [at(7, 7), at(7, 0), at(0, 7)], 'the corners');
  t.equal(novelty[at(0, 0)], -1, 'what has been asked is not new');
  t.equal(novelty[at(7, 7)], -1, 'nor what will be');
  t.ok(
    Math.abs((novelty[at(1, 0)] as number) - 30 / 49) < 1e-6,
    'one of seven steps from the next',
  );
});

t.test('a point that looks like no other comes first', async (t) => {
  const odd = at(3, 4);
  const features = seen((place) => (place === odd ? 9 : 0));
  const corners = [at(0, 0), at(7, 0), at(0, 7), at(7, 7)];
  t.same(chooseNext(task({ asked: corners }), features, HEIGHT).places, [odd]);
});

t.test('a mask makes its points alike', async (t) => {
  const asked = [at(1, 3), at(6, 3)];
  const left = mask((x) => x < 40);
  const { novelty } = chooseNext(task({ asked, most: 0 }), nothing, HEIGHT);
  const whole = mask(() => true);
  const found = [{ place: asked[0] as number, masks: [whole, left] }];
  const explained = chooseNext(task({ novelty, found, most: 0 }), nothing, HEIGHT).novelty;
  for (let place = 0; place < SIDE * SIDE; place++) {
    const share = (explained[place] as number) / (novelty[place] as number);
    const expected = asked.includes(place) || place % SIDE >= 4 ? 1 : 0.25;
    t.ok(Math.abs(share - expected) < 1e-6, `${place}: ${share}`);
  }
  const { places } = chooseNext(task({ novelty, found }), nothing, HEIGHT);
  t.ok((places[0] as number) % SIDE >= 4, 'so the next lies outside');
});

t.test('each point once, all of them in the end', async (t) => {
  let novelty = task({}).novelty;
  const all: number[] = [];
  for (let batch = 0; batch < 5; batch++) {
    const chosen = chooseNext(task({ novelty, most: 16 }), seen(Math.sin), HEIGHT);
    all.push(...chosen.places);
    novelty = chosen.novelty;
  }
  t.same(
    all.sort((a, b) => a - b),
    Array.from({ length: SIDE * SIDE }, (_, place) => place),
  );
});
