import { Piscina } from 'piscina';
import type { ModelInput } from '../../core/image.js';

/** An answer whose `buffers` leave the worker with it instead of being copied. */
export function moved<T>(answer: T, buffers: readonly ArrayBufferLike[]): T {
  const movable = { [Piscina.transferableSymbol]: buffers, [Piscina.valueSymbol]: answer };
  return Piscina.move(movable as never) as T;
}

/** What moves with an image: it came in a message of its own, so nothing else is in its memory. */
export function memoryOf(input: ModelInput): ArrayBuffer {
  return ('data' in input ? input.data.buffer : input.buffer) as ArrayBuffer;
}
