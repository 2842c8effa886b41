import { OperatorError } from '../../core/errors.js';

/** Shapes by name. */
export type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** @throws OperatorError naming the first tensor that is missing or has another shape. */
export function checkShapes(
  tensors: Shapes,
  expected: ReadonlyMap<string, readonly number[]>,
): void {
  for (const [name, shape] of expected) {
    const found = tensors.get(name)?.shape;
    if (!found) throw new OperatorError(`the tensor "${name}" is missing`);
    // Relative positions of another length are interpolated.
    const fits = /rel_pos_[hw]$/.test(name)
      ? found.length === 2 && found[1] === shape[1]
      : found.join() === shape.join();
    if (!fits) {
      throw new OperatorError(`the tensor "${name}" is [${found}], expected [${shape}]`);
    }
  }
}
