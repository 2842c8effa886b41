import t from 'tap';
import { iouOfMasks } from '#src/masks/overlap.js';
import { runsOf } from '../fixtures/bitmap.js';
import { random } from '../sam/fixtures/decoders.js';

const [WIDTH, HEIGHT] = [7, 5];

t.test('the overlap of masks, as their pixels have it', async (t) => {
  const next = random(1);
  const pixels = (share: number) => Array.from({ length: WIDTH * HEIGHT }, () => next() < share);
  const runs = (mask: readonly boolean[]) =>
    runsOf(WIDTH, HEIGHT, (x, y) => mask[x * HEIGHT + y] as boolean);
  for (const [one, other] of [
    [0.5, 0.5],
    [0.1, 0.9],
    [0.3, 1],
    [0, 0.5],
  ] as const) {
    const [a, b] = [pixels(one), pixels(other)];
    const both = a.filter((inside, at) => inside && b[at]).length;
    const either = a.filter((inside, at) => inside || b[at]).length;
    t.equal(iouOfMasks(runs(a), runs(b)), both / either, `${one} and ${other}`);
    t.equal(iouOfMasks(runs(b), runs(a)), both / either, 'the other way round');
  }
  t.equal(iouOfMasks([WIDTH * HEIGHT], [WIDTH * HEIGHT]), 1, 'both are empty');
});
