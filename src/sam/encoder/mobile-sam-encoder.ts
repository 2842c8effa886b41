import type { Provider } from '../../core/device.js';
import type { Precision } from '../../core/family/model.js';
import { SUMS, toHalfPrecision } from '../../onnx/precision/half-precision.js';
import { quantize } from '../../onnx/precision/quantize.js';
import type { ModelProto } from '../../onnx/proto.js';
import { readTinyVitWeights } from '../weights/exported-tiny-vit.js';
import { buildTinyVit } from './tiny-vit.js';

/** Products of fewer channels are not worth their conversion to 8 bits: those of `layers.0` at a quarter of the side. */
const LEAST_CHANNELS = 128;

/** On a CPU: in more there would be no less memory, and rows that are computed twice. A GPU might not have enough to do in one. */
const BANDS = 3;

/**
 * The image encoder, from the ONNX file that it was exported to.
 * @param provider it is to run on.
 * @throws OperatorError when that file is not MobileSAM's encoder.
 */
export function buildMobileSamEncoder(
  file: Uint8Array,
  precision: Precision,
  provider: Provider,
): ModelProto {
  const model = buildTinyVit(readTinyVitWeights(file), provider === 'cpu' ? BANDS : 1);
  if (precision === 'float16') return toHalfPrecision(model, new Set(SUMS));
  return precision === 'int8' ? quantize(model, LEAST_CHANNELS) : model;
}
