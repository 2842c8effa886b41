import type { FloatTensor } from '../../onnx/float-tensor.js';

/** Weights by their names in the state dict. */
export type Weights = ReadonlyMap<string, FloatTensor>;
