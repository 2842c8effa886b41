import t from 'tap';
import { SamError } from '#src/core/errors.js';
import {
  type CandidatesTask,
  type ChooseTask,
  EVERYTHING_DEFAULTS,
  type EverythingLane,
  type RenderTask,
} from '#src/core/everything.js';
import type { MaskOptions } from '#src/core/ports.js';
import { boxNms } from '#src/masks/box-nms.js';
import type { EverythingEvent } from '#src/service/everything/everything-job.js';
import { MaskGenerator } from '#src/service/everything/mask-generator.js';
import { Ledger } from '#src/service/memory/ledger.js';

/** A lane that finds a mask at each point, half of a slice's points and two masks a slice at a time. */
class FakeLane implements EverythingLane {
  readonly workers = 1;
  readonly tasks: string[] = [];
  failAfter = Number.POSITIVE_INFINITY;

  async candidates({ seeds, crop }: CandidatesTask) {
    this.#begin('candidates');
    const answered = seeds.slice(0, Math.ceil(seeds.length / 2));
    const candidates = answered.map((seed) => {
      const [x, y] = 'point' in seed ? seed.point : seed.box;
      const box = [x, y, x + 1, y + 1] as const;
      const scores = { predicted_iou: 1 - x / 1000, stability_score: 1 };
      return { counts: 'counts', bytes: 3, box, seed, crop, ...scores };
    });
    return { candidates, seeds: answered.length, timings: {} };
  }

  async choose({ novelty, asked, most }: ChooseTask) {
    this.#begin('choose');
    const next = novelty.map((value, place) => (asked.includes(place) ? -1 : value));
    const places = [...next.keys()].filter((place) => (next[place] as number) >= 0).slice(0, most);
    for (const place of places) next[place] = -1;
    return { novelty: next, places };
  }

  async suppress(task: Parameters<typeof boxNms>[0]) {
    this.#begin('suppress');
    return boxNms(task);
  }

  async tidy() {
    return [];
  }

  async render({ candidates }: RenderTask) {
    this.#begin('render');
    return candidates.slice(0, 2).map(({ predicted_iou, stability_score, seed }) => ({
      ...{ predicted_iou, stability_score },
      point_coords: 'point' in seed ? [seed.point] : [],
      segmentation: { size: [1, 1] as const, counts: '' },
      crop_box: [0, 0, 1, 1] as const,
      area: 1,
      bbox: [0, 0, 1, 1] as const,
    }));
  }

  #begin(kind: string): void {
    if (this.tasks.push(kind) > this.failAfter) throw new SamError('inference-timeout', 'too long');
  }
}

const ledger = new Ledger({ maxBytes: 1e6, maxClientBytes: 1e6, maxBodyBytes: 1e6 });
const caller = (client: string) => {
  return { client, signal: new AbortController().signal, memory: ledger.open(client) };
};
const image = { width: 100, height: 100 };
const tensor = { dtype: 'float32', shape: [], bytes: new Uint8Array(0) } as const;
const job = (live: boolean) => ({
  embedding: {
    id: 'id',
    model: 'm',
    fingerprint: 'f',
    image,
    tensors: { image_embeddings: tensor },
  },
  embedCrop: undefined,
  parameters: { ...EVERYTHING_DEFAULTS, points_per_side: 5 },
  options: {} as MaskOptions,
  live,
});
const limits = { maxRuns: 3, maxPoints: 1000, maxAnswerBytes: 2 ** 20 };

t.test('masks follow the end, rendered as they are read', async (t) => {
  const lane = new FakeLane();
  const events: EverythingEvent[] = [];
  for await (const event of new MaskGenerator(lane, limits).generate(job(false), caller('a'))) {
    events.push(event);
    const [read, rendered] = ['mask', 'render'].map((name) => {
      return (name === 'mask' ? events.map(({ type }) => type) : lane.tasks).filter(
        (each) => each === name,
      ).length;
    }) as [number, number];
    t.ok(2 * rendered <= read + 4, `${rendered} slices for ${read} masks`);
    t.equal(ledger.held('masks') > 0, true, 'booked');
  }
  t.equal(ledger.held('masks'), 0, 'and given back');
  t.same(
    events.filter(({ type }) => type === 'progress'),
    [2, 6, 14, 20, 23, 25].map((points) => ({ type: 'progress', points, of: 25 })),
  );
  const end = events.find((event) => event.type === 'done');
  const told = events.slice(7).map((event) => event.type === 'mask' && event.id);
  t.same(told, end?.type === 'done' && end.ids);
  t.equal(told.length, 25);
});

t.test('of an adaptive run as many points are told as it asks', async (t) => {
  const adaptive = { ...job(false), strategy: 'adaptive' } as const;
  const parameters = { ...adaptive.parameters, points_per_side: 9 };
  const [told, seeds] = [[] as EverythingEvent[], new Set<string>()];
  const run = new MaskGenerator(new FakeLane(), limits).generate(
    { ...adaptive, parameters },
    caller('a'),
  );
  for await (const event of run) {
    told.push(event);
    if (event.type === 'mask') seeds.add(event.mask.point_coords.join());
  }
  t.same(
    told.filter(({ type }) => type === 'progress'),
    [16, 23].map((points) => ({ type: 'progress', points, of: 23 })),
  );
  t.equal(seeds.size, 23, 'each once');
  const few = { ...limits, maxPoints: 22 };
  const refused = () =>
    new MaskGenerator(new FakeLane(), few).generate({ ...adaptive, parameters }, caller('a'));
  t.throws(refused, { code: 'too-many-prompts' });
});

t.test('a task that fails ends its run, and nothing goes on', async (t) => {
  const lane = new FakeLane();
  lane.failAfter = 4;
  const generator = new MaskGenerator(lane, limits);
  const run = async () => {
    for await (const _ of generator.generate(job(true), caller('a')));
  };
  await t.rejects(run(), { code: 'inference-timeout' });
  const { length } = lane.tasks;
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(lane.tasks.length, length);
  t.equal(ledger.held('masks'), 0);
});

t.test('names take what they are written in, quotes and all', async (t) => {
  const names = { labels: ['""""', 'abcdef'], boxes: new Float64Array(0), overlap: 0.5 };
  const run = async (maxAnswerBytes: number) => {
    const generator = new MaskGenerator(new FakeLane(), { ...limits, maxAnswerBytes });
    for await (const _ of generator.generate({ ...job(false), names }, caller('a')));
  };
  const most = 25 * (3 + 2 * JSON.stringify(names.labels[0]).length);
  await run(most);
  await t.rejects(run(most - 1), { code: 'answer-too-large' });
});

t.test('one client leaves a run to others', async (t) => {
  const generator = new MaskGenerator(new FakeLane(), limits);
  const begin = async (client: string) => {
    const run = generator.generate(job(true), caller(client));
    await run.next();
    return run;
  };
  const runs = [await begin('a'), await begin('a')];
  await t.rejects(begin('a'), { code: 'overloaded' });
  runs.push(await begin('b'));
  await t.rejects(begin('c'), { code: 'overloaded' }, 'all are taken');
  for (const run of runs) await run.return();
});
