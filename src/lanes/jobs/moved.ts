import { Piscina } from 'piscina';

/** An answer whose `buffers` leave the worker with it instead of being copied. */
export function moved<T>(answer: T, buffers: readonly ArrayBufferLike[]): T {
  const movable = { [Piscina.transferableSymbol]: buffers, [Piscina.valueSymbol]: answer };
  return Piscina.move(movable as never) as T;
}
