import t from 'tap';
import type { Lesson } from '#src/train/decoder-trainer.js';
import type { TrainingPrompt } from '#src/train/feeds.js';
import { packLabel, unpackLabel } from '#src/train/low-res-label.js';
import { normal, randomFor, shuffled } from '#src/train/random.js';
import { LessonSum } from '#src/train/run/lesson-sum.js';
import { learn, roundsAfterFirst } from '#src/train/run/rounds.js';
import { ratesAt } from '#src/train/run/schedule.js';

const SIDE = 256;

/** A square of cells, rows and columns 10 to 19. */
const square = Uint8Array.from({ length: SIDE * SIDE }, (_, at) => {
  const [x, y] = [at % SIDE, Math.floor(at / SIDE)];
  return Math.min(x, y) >= 10 && Math.max(x, y) < 20 ? 1 : 0;
});
const label = { rows: 200, cols: SIDE, cells: square };

t.test('rounds: each click, one round without before one of them, and one at last', async (t) => {
  for (let seed = 0; seed < 20; seed++) {
    const rounds = roundsAfterFirst(8, randomFor(seed));
    t.equal(rounds.length, 10);
    t.equal(rounds.filter(Boolean).length, 8);
    t.equal(rounds.at(-1), false);
    t.not(rounds.slice(0, 9).indexOf(false), 8);
  }
  t.strictSame(roundsAfterFirst(0, randomFor(1)), []);
});

t.test('what is asked in the rounds', async (t) => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const asked: TrainingPrompt[] = [];
    // Answers nothing of the square but a corner, and has mask token 2 for the likeliest.
    const teach = async (_: Float32Array, prompts: readonly TrainingPrompt[]): Promise<Lesson> => {
      asked.push(...prompts);
      const masks = new Float32Array(prompts.length * 4 * SIDE * SIDE).fill(-1);
      for (let token = 0; token < 4; token++)
        masks[token * SIDE * SIDE + 10 * SIDE + 10] = token + 1;
      const gradients = new Map([['w', Float32Array.of(asked.length)]]);
      return { masks, ious: Float32Array.of(1, 0.2, 0.9, 0.3), losses: [asked.length], gradients };
    };
    const exercise = {
      embedding: new Float32Array(1),
      size: { width: 1024, height: 800 },
      objects: [{ label, box: [40, 40, 80, 80] as const }],
    };
    const into = new LessonSum();
    await learn(exercise, teach, { clicks: 2, random: randomFor(seed), into });
    t.equal(asked.length, 5);
    const [first, second] = asked as [TrainingPrompt, TrainingPrompt];
    const isBox = first.labels.includes(2);
    t.equal(first.multimask, !isBox);
    t.strictSame([...first.labels], isBox ? [2, 3] : [1, -1]);
    t.equal(first.mask, undefined);
    t.notOk(asked.slice(1).some((prompt) => prompt.multimask));
    t.equal(second.mask?.[10 * SIDE + 10], isBox ? 1 : 3, 'the mask of the highest predicted IoU');
    const clicks = asked.map(({ labels }) => labels.filter((kind) => kind < 2 && kind >= 0).length);
    const drawn = isBox ? 0 : 1;
    t.equal(clicks.at(-1), drawn + 2);
    t.equal(clicks.at(-2), drawn + 2);
    const last = asked.at(-1) as TrainingPrompt;
    const missed = [...last.labels].flatMap((kind, i) => (kind === 1 ? [i] : []));
    for (const i of missed) {
      const [x, y] = [last.coords[2 * i] ?? 0, last.coords[2 * i + 1] ?? 0];
      t.ok(x > 40 && x < 80 && y > 40 && y < 80, `a click at ${x} ${y}`);
    }
    t.equal(into.loss, 3);
    const mean = new Map<string, Float32Array>();
    into.addMeanTo(mean);
    t.same(mean.get('w'), Float32Array.of(3));
  }
});

t.test('a loss that is no number', async (t) => {
  const nothing = { masks: new Float32Array(), ious: new Float32Array(), gradients: new Map() };
  const add = () => new LessonSum().add({ ...nothing, losses: [1, Number.NaN] });
  t.throws(add, { message: 'the loss is NaN' });
});

t.test('the rates warm up and drop twice', async (t) => {
  const schedule = { rate: 8e-4, maskRate: 4e-4, warmUp: 250 };
  const isRate = (step: number, done: number, rate: number) => {
    const { ious, masks } = ratesAt(schedule, step, done);
    t.ok(Math.abs(ious - rate) < 1e-12, `${ious} is ${rate}`);
    t.ok(Math.abs(masks - rate / 2) < 1e-12, `${masks} is half of ${rate}`);
  };
  isRate(25, 0, 8e-5);
  isRate(250, 0.01, 8e-4);
  isRate(59_999, 59_999 / 90_000, 8e-4);
  isRate(60_000, 60_000 / 90_000, 8e-5);
  isRate(86_666, 86_666 / 90_000, 8e-6);
  t.same(ratesAt({ rate: 1, maskRate: 0, warmUp: 0 }, 1, 0), { ious: 1, masks: 0 });
});

t.test('draws depend on what they are for', async (t) => {
  t.equal(randomFor(1, 'step', 2)(), randomFor(1, 'step', 2)());
  t.not(randomFor(1, 'step', 2)(), randomFor(1, 'step', 3)());
  const random = randomFor('normal');
  const draws = Array.from({ length: 4000 }, () => normal(random));
  const mean = draws.reduce((a, b) => a + b) / draws.length;
  const square = draws.reduce((a, b) => a + b * b) / draws.length;
  t.ok(Math.abs(mean) < 0.06 && Math.abs(square - 1) < 0.08, `${mean} ${square}`);
  t.strictSame(shuffled([1, 2, 3, 4], random).sort(), [1, 2, 3, 4]);
});

t.test('labels in little memory', async (t) => {
  const packed = packLabel(label);
  t.ok(packed.runs.length < 30);
  t.strictSame(unpackLabel(packed), label);
  const all = { ...label, cells: new Uint8Array(SIDE * SIDE).fill(1) };
  t.strictSame(unpackLabel(packLabel(all)), all);
});
