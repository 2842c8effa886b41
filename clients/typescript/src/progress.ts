/**
 * What `embed` and `setImage` go through, in this order: the hash of the file; its upload, of an image that the service
 * does not know; its queue and encoder; and for decoding here the download of embedding and graphs and their first run.
 */
export type Stage = 'hash' | 'upload' | 'encode' | 'fetch' | 'prepare' | 'ready';

/** Told when a stage begins, while it goes on, and when it is over. */
export interface Progress {
  readonly stage: Stage;
  /** Of the upload or the download, from 0 to 1, where it is known. */
  readonly fraction?: number;
  /** Since the stage began; for `ready` since the call. */
  readonly ms: number;
  readonly done: boolean;
}

export type OnProgress = (progress: Progress) => void;

/** Told with every piece of a download: bytes that have come, of all there will be where that is known. */
export type OnBytes = (loaded: number, total: number | undefined) => void;
