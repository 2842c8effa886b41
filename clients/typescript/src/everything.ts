import type { EverythingResponse, Problem } from './openapi.js';

/** A mask that everything mode has found. */
export type FoundMask = EverythingResponse['masks'][number];

/** What `everything` tells while it works; `openapi.yaml` says what the events mean. */
export type EverythingEvent =
  | {
      readonly type: 'start';
      readonly embedding_id: string;
      readonly width: number;
      readonly height: number;
    }
  | ({ readonly type: 'mask'; readonly id: number } & FoundMask)
  | { readonly type: 'removed'; readonly ids: readonly number[] }
  | { readonly type: 'progress'; readonly points: number; readonly of: number }
  | {
      readonly type: 'done';
      readonly ids: readonly number[];
      readonly warnings?: readonly string[];
    };

/** How a line of events may end as well: `everything` throws it. */
export interface EverythingError {
  readonly type: 'error';
  readonly problem: Problem;
}
