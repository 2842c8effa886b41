import { OperatorError } from '../errors.js';

/** Shapes of a checkpoint's tensors by name. */
export type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** A tensor that is read when it is needed. */
export interface LazyTensor {
  readonly shape: readonly number[];
  /** @throws Error when a number is not finite */
  read(): Float32Array;
}

/**
 * @param fits whether a tensor of one shape will do where another is expected; as a rule, only the same will.
 * @throws OperatorError naming the first tensor that is missing or has another shape.
 */
export function checkShapes(
  tensors: Shapes,
  expected: ReadonlyMap<string, readonly number[]>,
  fits: (name: string, found: readonly number[], expected: readonly number[]) => boolean = isSame,
): void {
  for (const [name, shape] of expected) {
    const found = tensors.get(name)?.shape;
    if (!found) throw new OperatorError(`the tensor "${name}" is missing`);
    if (!fits(name, found, shape)) {
      throw new OperatorError(`the tensor "${name}" is [${found}], expected [${shape}]`);
    }
  }
}

/** @throws OperatorError naming the tensor when it is missing or not finite. */
export function readTensor(tensors: ReadonlyMap<string, LazyTensor>, name: string): Float32Array {
  const tensor = tensors.get(name);
  if (!tensor) throw new OperatorError(`the tensor "${name}" is missing`);
  try {
    return tensor.read();
  } catch (cause) {
    throw new OperatorError(`the tensor "${name}": ${(cause as Error).message}`, { cause });
  }
}

export function isSame(_name: string, found: readonly number[], expected: readonly number[]) {
  return found.join() === expected.join();
}
