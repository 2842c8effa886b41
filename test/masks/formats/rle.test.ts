import t from 'tap';
import { compress, decompress, toImage } from '#src/masks/formats/rle.js';
import { readGolden, skipGolden } from '../../fixtures/golden.js';

/**
 * Worked out from COCO's definition. A number is written in groups of five bits, lowest first, as the
 * character 48 + group, and + 32 when another follows; the last group's bit 16 is its sign. From the
 * fourth run on it is the difference to the run two before.
 */
const BY_HAND: readonly { name: string; counts: number[]; text: string }[] = [
  // 4 fits one group whose bit 16 is clear: 48 + 4 = '4'.
  { name: 'an empty 2x2 mask', counts: [4], text: '4' },
  // No background first, then 4.
  { name: 'a full 2x2 mask', counts: [0, 4], text: '04' },
  // 20 = 0b10100 has bit 16 set and would read as negative, so a group of zeros follows: 48+32+20 = 'd', '0'.
  { name: 'a run with its bit 16 set', counts: [20], text: 'd0' },
  // 40 = 8 + 1*32: 48+32+8 = 'X', 48+1 = '1'.
  { name: 'a run of two groups', counts: [40], text: 'X1' },
  // Runs 0 to 2 as they are: 3, 2, 1. Then 5-2 = 3 and 1-1 = 0.
  { name: 'differences from the fourth run on', counts: [3, 2, 1, 5, 1], text: '32130' },
  // 6, 1, 40 = 'X1'; 4-1 = 3; 5-40 = -35 = 29 - 2*32: 48+32+29 = 'm', and -2 = 30 - 32: 48+30 = 'N';
  // 0, 0, 0; 21-5 = 16 has bit 16 set: 48+32+16 = '`', '0'.
  {
    name: 'negative differences',
    counts: [6, 1, 40, 4, 5, 4, 5, 4, 21],
    text: '61X13mN000`0',
  },
];

for (const { name, counts, text } of BY_HAND) {
  t.test(name, async (t) => {
    t.equal(compress(counts), text);
    t.same(decompress(text), counts);
  });
}

t.test('what is compressed comes back', async (t) => {
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  for (let round = 0; round < 200; round++) {
    const largest = 2 ** random(32);
    const counts = Array.from({ length: random(40) + 1 }, () => random(largest) + 1);
    t.same(decompress(compress(counts)), counts);
  }
  const large = [2 ** 31 - 1, 1, 2 ** 31, 5, 0, 2 ** 32];
  t.same(decompress(compress(large)), large, 'beyond 32 bits');
});

t.test('runs go down the columns', async (t) => {
  // 3 wide, 2 high; the runs 1, 2, 3 cover the pixels (0,1) and (1,0).
  t.same([...toImage([1, 2, 3], { width: 3, height: 2 })], [0, 255, 0, 255, 0, 0]);
  t.same([...toImage([0, 6], { width: 3, height: 2 })], Array(6).fill(255));
});

t.test('the golden masks round-trip', { skip: skipGolden }, async (t) => {
  for (const { masks, area } of readGolden().flatMap(({ cases }) => cases)) {
    for (const [i, counts] of masks.entries()) {
      t.same(decompress(compress(counts)), counts);
      const inside = counts.filter((_, run) => run % 2).reduce((sum, run) => sum + run, 0);
      t.equal(inside, area[i]);
    }
  }
});
