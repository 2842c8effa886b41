import t from 'tap';
import { OperatorError } from '#src/core/errors.js';
import { readOptions } from '#src/train/options.js';

const SOURCE = ['--coco', 'a.json', '--images', 'a', '--out', 'new'];

t.test("the paper's numbers unless others are given", async (t) => {
  t.match(readOptions(SOURCE, 2), {
    labels: { coco: 'a.json', images: 'a' },
    validation: undefined,
    model: 'mobile_sam',
    out: 'new',
    clicks: 8,
    threads: 2,
    minutes: Number.POSITIVE_INFINITY,
  });
  t.match(readOptions([...SOURCE, '--steps', '50', '--val', 'b.json', '--rate', '1e-5'], 2), {
    validation: { coco: 'b.json', images: 'a' },
    steps: 50,
    warmUp: 5,
    rate: 1e-5,
    maskRate: 1e-5,
  });
  t.equal(readOptions([...SOURCE, '--mask-rate', '0'], 2).maskRate, 0);
  const masks = [
    '--masks',
    'm',
    '--images',
    'a',
    '--out',
    'new',
    '--val',
    'n',
    '--val-images',
    'b',
  ];
  t.match(readOptions(masks, 2), {
    labels: { masks: 'm', objects: 'one', images: 'a' },
    validation: { masks: 'n', objects: 'one', images: 'b' },
  });
  t.match(readOptions(['--demo', '--minutes', '2'], 2), {
    labels: undefined,
    out: 'demo',
    minutes: 2,
  });
});

for (const [words, message] of [
  [[], /give --coco FILE or --masks DIR/],
  [['--coco', 'a.json', '--out', 'new'], /--images DIR/],
  [[...SOURCE, '--masks', 'm'], /give --coco FILE or --masks DIR/],
  [['--coco', 'a.json', '--images', 'a'], /--out is missing/],
  [['--demo', '--coco', 'a.json'], /--demo draws all its images/],
  [[...SOURCE, '--steps', '0'], /--steps is to be a whole number of at least 1, not "0"/],
  [[...SOURCE, '--steps', '1.5'], /--steps is to be a whole number/],
  [[...SOURCE, '--rate', 'fast'], /--rate is to be a number above 0, not "fast"/],
  [[...SOURCE, '--mask-rate=-1'], /--mask-rate is to be 0 or above, not "-1"/],
  [[...SOURCE, '--objects', 'two'], /--objects two: give one or colour/],
  [[...SOURCE, '--epochs', '3'], /'--epochs'/],
] as const) {
  t.test(`refused: ${words.join(' ')}`, async (t) => {
    t.throws(() => readOptions(words, 2), { message });
    t.throws(() => readOptions(words, 2), OperatorError);
  });
}
