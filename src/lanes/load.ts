/** Tasks that wait and workers that run some. */
export interface Load {
  readonly waiting: number;
  readonly running: number;
}

export function sum(a: Load, b: Load): Load {
  return { waiting: a.waiting + b.waiting, running: a.running + b.running };
}

export function total({ waiting, running }: Load): number {
  return waiting + running;
}
