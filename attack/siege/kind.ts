import type { Target } from '../wire.js';

/** One attack from begin to end. Gives the status it was answered with, 0 for none. */
export type Attack = (target: Target) => Promise<number>;

/** A way to attack, which makes ready what it sends before the first attack. */
export interface Kind {
  readonly name: string;
  /** Connections that attack at once in a siege. */
  readonly connections: number;
  /** Milliseconds between two attacks of one connection: a flood is not what this is about. */
  readonly pauseMs: number;
  /** @param share of the full size, more than 0 and at most 1. @throws when that makes no sense */
  prepare(share: number): Promise<Attack>;
}

/** An attack that turns through others. */
export function inTurn(...attacks: readonly Attack[]): Attack {
  let next = 0;
  return (target) => (attacks[next++ % attacks.length] as Attack)(target);
}
