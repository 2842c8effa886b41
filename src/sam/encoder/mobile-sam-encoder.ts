import type { Precision } from '../../core/family/model.js';
import { quantize } from '../../onnx/precision/quantize.js';
import { writeModel } from '../../onnx/write-model.js';
import { readTinyVitWeights } from '../weights/exported-tiny-vit.js';
import { buildTinyVit } from './tiny-vit.js';

/** Products of fewer channels are not worth their conversion to 8 bits: those of `layers.0` at a quarter of the side. */
const LEAST_CHANNELS = 128;

/**
 * The image encoder as an ONNX file, from the one it was exported to.
 * @throws OperatorError when that file is not MobileSAM's encoder.
 */
export function buildMobileSamEncoder(file: Uint8Array, precision: Precision): Uint8Array {
  const model = buildTinyVit(readTinyVitWeights(file));
  return writeModel(precision === 'int8' ? quantize(model, LEAST_CHANNELS) : model);
}
