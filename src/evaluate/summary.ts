import { type Calibration, calibration } from './calibration.js';
import {
  afterClicks,
  CLICKS,
  type ClickScores,
  clicksTo,
  type MeasuredObject,
  type Score,
  SIZES,
  type Size,
  TARGETS,
} from './measured.js';
import { type Estimate, estimate } from './statistics.js';

/** An estimate over all objects, and over those of each size. */
export type BySize = Readonly<Record<'all' | Size, Estimate>>;

/** Clicks to a target, and objects that do not reach it. */
export interface ClickCount {
  readonly clicks: BySize;
  readonly unreached: Readonly<Record<'all' | Size, number>>;
}

/** What all objects come to. */
export interface Summary {
  /** By protocol: `point`, `oracle`, `box`, `noisy_box`, `clicks_1` to `clicks_10`, `clicks_with_logits_1` to `_10`. */
  readonly iou: Readonly<Record<string, BySize>>;
  /** By series of clicks and target: `clicks_85`, `clicks_90`, `clicks_with_logits_85`, `clicks_with_logits_90`. */
  readonly noc: Readonly<Record<string, ClickCount>>;
  /** By protocol. */
  readonly calibration: Readonly<Record<string, Calibration>>;
}

const SERIES = ['clicks', 'clicks_with_logits'] as const;

/** What each protocol says of an object, in the order in which they are told. */
export function scoresOf(object: MeasuredObject): Record<string, Score> {
  const { point, oracle, box, noisy_box } = object;
  const series = SERIES.flatMap((name) =>
    CLICKS.map((clicks) => [`${name}_${clicks}`, afterClicks(object[name], clicks)] as const),
  );
  return { point, oracle, box, noisy_box, ...Object.fromEntries(series) };
}

/** @param objects one at least. */
export function summarize(objects: readonly MeasuredObject[]): Summary {
  const scores = objects.map(scoresOf);
  const protocols = Object.keys(scores[0] ?? {});
  const of = (name: string) => scores.map((scores) => scores[name] as Score);
  const counts = SERIES.flatMap((name) =>
    TARGETS.map((target) => {
      const count = countsTo(target, objects, ({ [name]: series }) => series);
      return [`${name}_${Math.round(100 * target)}`, count] as const;
    }),
  );
  return {
    iou: byProtocol(protocols, (name) =>
      bySize(
        objects,
        of(name).map(({ iou }) => iou),
      ),
    ),
    noc: Object.fromEntries(counts),
    calibration: byProtocol(protocols, (name) => calibration(of(name))),
  };
}

function byProtocol<T>(names: readonly string[], of: (name: string) => T): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, of(name)]));
}

/** @param values one of each object. */
function bySize(objects: readonly MeasuredObject[], values: readonly number[]): BySize {
  const sized = SIZES.map((size) => {
    return [size, estimate(values.filter((_, i) => objects[i]?.size === size))] as const;
  });
  return { all: estimate(values), ...Object.fromEntries(sized) } as BySize;
}

function countsTo(
  target: number,
  objects: readonly MeasuredObject[],
  series: (object: MeasuredObject) => ClickScores,
): ClickCount {
  const counted = objects.map((object) => clicksTo(target, series(object)));
  const lost = (size?: Size) =>
    counted.filter(({ reached }, i) => !reached && (!size || objects[i]?.size === size)).length;
  const sized = SIZES.map((size) => [size, lost(size)] as const);
  return {
    clicks: bySize(
      objects,
      counted.map(({ clicks }) => clicks),
    ),
    unreached: { all: lost(), ...Object.fromEntries(sized) } as ClickCount['unreached'],
  };
}

/**
 * What one model has more than another on the objects that both have: mean and standard error of the differences of IoU.
 */
export function differences(
  objects: readonly MeasuredObject[],
  others: readonly MeasuredObject[],
): Record<string, BySize> {
  const byId = new Map(others.map((object) => [object.id, scoresOf(object)]));
  const shared = objects.filter(({ id }) => byId.has(id));
  const gains = (name: string) =>
    shared.map((object) => {
      const [own, other] = [scoresOf(object), byId.get(object.id) as Record<string, Score>];
      return (own[name] as Score).iou - (other[name] as Score).iou;
    });
  const names = Object.keys([...byId.values()][0] ?? {});
  return byProtocol(names, (name) => bySize(shared, gains(name)));
}
