import type { Skipped } from '../labels/skipped.js';
import type { ModelResult } from './evaluation.js';
import type { MeasuredObject } from './measured.js';
import { type BySize, differences, type Summary, summarize } from './summary.js';

/** What was evaluated. */
export interface DataInfo {
  /** The annotations or the folder of masks, as it was named. */
  readonly source: string;
  readonly images: number;
  readonly objects: number;
  /** SHA-256 of the objects' names, sizes and masks: equal data has equal digests. */
  readonly digest: string;
}

export interface ModelSummary extends Summary {
  readonly name: string;
  readonly objects: readonly MeasuredObject[];
}

/** What an evaluation has found, as it is written to a file. Nothing in it tells when or how fast it was. */
export interface Results {
  readonly format: 1;
  readonly service: string;
  readonly data: DataInfo;
  readonly seed: number;
  readonly skipped: Skipped['reasons'];
  readonly models: readonly ModelSummary[];
  /** Of each model but the first, what it has more than the first. */
  readonly differences: readonly {
    readonly model: string;
    readonly than: string;
    readonly iou: Readonly<Record<string, BySize>>;
  }[];
}

/** @param models one at least, each with one object at least. */
export function resultsOf(
  about: Pick<Results, 'service' | 'data' | 'seed'>,
  skipped: Skipped,
  models: readonly ModelResult[],
): Results {
  const [first, ...others] = models as [ModelResult, ...ModelResult[]];
  return {
    format: 1,
    ...about,
    skipped: skipped.reasons,
    models: models.map(({ model, objects }) => ({ name: model, ...summarize(objects), objects })),
    differences: others.map(({ model, objects }) => ({
      ...{ model, than: first.model },
      iou: differences(objects, first.objects),
    })),
  };
}
