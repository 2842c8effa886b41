import t from 'tap';
import { warningsOf } from '#src/service/warnings.js';

const image = { width: 400, height: 300 };
const found = { masks: [{ area: 9 }] };
const empty = { masks: [{ area: 9 }, { area: 0 }] };

t.test('warnings name the prompts they are about', async (t) => {
  const good = { box: [1, 1, 9, 9] } as const;
  const fractions = { point_coords: [[0.5, 1]], point_labels: [1] } as const;
  const mixed = { point_coords: [[0.5, 2]], point_labels: [1] } as const;
  t.same(warningsOf([good, mixed], [found, found], image), []);
  t.match(warningsOf([good, fractions], [found, found], image), [
    /^prompts\[1\]: all coordinates lie between 0 and 1/,
  ]);
  t.match(warningsOf([good], [empty], image), [/^prompts\[0\]: a mask is empty/]);
  t.same(warningsOf([good], [{ masks: [] }], image), [], 'an error of its own is said there');
  t.match(warningsOf(Array(64).fill(fractions), Array(64).fill(empty), image), [
    /prompts\[19\] and 44 more: all/,
    /prompts\[19\] and 44 more: a mask/,
  ]);
  t.same(warningsOf([fractions], [found], { width: 1, height: 1 }), []);
});
