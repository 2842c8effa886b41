import type { ImageSize } from '../../core/image.js';
import { type MaskFormat, MEDIA_TYPES } from '../../core/mask.js';
import { type MaskShape, serializeMask } from '../../core/masks/mask-shape.js';
import type { Tensor } from '../../core/tensors/tensor.js';
import type { PredictedMask, Prediction } from '../../service/prediction.js';
import { problemOf } from '../problems.js';
import type { Pieces } from './pieces.js';
import { rounded } from './timings.js';

/** Bytes in a piece of base64: a multiple of three, so that only the last is padded. */
const BASE64_PIECE = 3 * 2 ** 16;

/**
 * A prediction as JSON, mask by mask.
 * @param elapsed milliseconds since its request came. @param requestId for the errors of its prompts.
 */
export async function* jsonPieces(
  prediction: Prediction,
  elapsed: number,
  requestId: string,
): Pieces {
  const { results, timings, options, warnings } = prediction;
  const { id, image } = prediction.embedding;
  const { format, returnLogits } = options;
  const head = JSON.stringify({ embedding_id: id, ...image });
  yield `${head.slice(0, -1)},"results":[`;
  for (const [prompt, { masks, error }] of results.entries()) {
    yield prompt > 0 ? ',{"masks":[' : '{"masks":[';
    for (const [i, mask] of masks.entries()) {
      yield i > 0 ? ',{"segmentation":' : '{"segmentation":';
      if (format === 'cutout')
        yield* pngInJson(await bytesOf(mask, prediction, 'file', prompt), image);
      else yield await bytesOf(mask, prediction, 'json', prompt);
      yield `,${JSON.stringify(beside(mask, returnLogits)).slice(1)}`;
    }
    yield error ? `],"error":${JSON.stringify(problemOf(error, requestId))}}` : ']}';
  }
  yield warnings.length > 0 ? `],"warnings":${JSON.stringify(warnings)}` : ']';
  yield `,"timings":${JSON.stringify(rounded({ ...timings, total_ms: elapsed }))}}`;
}

/** RFC 2046: every mask a part with its own headers. */
export async function* partPieces(
  prediction: Prediction,
  format: MaskFormat,
  boundary: string,
): Pieces {
  for (const [prompt, { masks }] of prediction.results.entries()) {
    for (const [i, mask] of masks.entries()) {
      const headers = {
        'content-type': MEDIA_TYPES[format],
        'content-disposition': `inline; name="${prompt}/${i}"`,
        ...headersOf(mask),
      };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      yield `\r\n--${boundary}\r\n${lines.join('')}\r\n`;
      yield await bytesOf(mask, prediction, 'file', prompt);
    }
  }
  yield `\r\n--${boundary}--\r\n`;
}

/** All masks as one FeatureCollection; each feature says which prompt it answers. */
export async function* collectionPieces(prediction: Prediction): Pieces {
  yield '{"type":"FeatureCollection","features":[';
  let first = true;
  for (const [prompt, { masks }] of prediction.results.entries()) {
    for (const mask of masks) {
      if (!first) yield ',';
      first = false;
      yield await bytesOf(mask, prediction, 'feature', prompt);
    }
  }
  yield ']}';
}

/** The mask as a file of its own. */
export function fileOf(mask: PredictedMask, prediction: Prediction): Promise<string | Uint8Array> {
  return bytesOf(mask, prediction, 'file', 0);
}

/** What the fields beside a mask say of it, for masks that are files. */
export function headersOf({
  predicted_iou,
  stability_score,
  bbox,
  area,
  logits_token,
  found,
}: PredictedMask) {
  return {
    'x-predicted-iou': predicted_iou,
    'x-stability-score': stability_score,
    'x-bbox': bbox.join(','),
    'x-area': area,
    ...(logits_token && { 'x-logits-token': logits_token }),
    // A header has no room for any text: the label is what the client sent.
    ...(found && { 'x-text-score': found.text_score, 'x-box': found.box.join(',') }),
  };
}

/** What of a mask stands beside its segmentation. */
function beside(mask: PredictedMask, returnLogits: boolean) {
  const { predicted_iou, stability_score, bbox, area, logits, logits_token, found } = mask;
  return {
    ...(found && { label: found.label, text_score: found.text_score, box: found.box }),
    ...{ predicted_iou, stability_score, bbox, area },
    ...(returnLogits && logits && { low_res_logits: logitsOf(logits) }),
    ...(logits_token && { logits_token }),
  };
}

async function bytesOf(
  mask: PredictedMask,
  prediction: Prediction,
  shape: MaskShape,
  prompt: number,
): Promise<string | Uint8Array> {
  const { segmentation, runs, logits } = mask;
  if (segmentation) return serializeMask(segmentation, shape, prompt);
  if (runs) return prediction.write(mask, shape, prompt);
  if (!logits) throw new Error('nothing is left of the mask');
  return shape === 'json' ? JSON.stringify(logitsOf(logits)) : Buffer.from(logits.bytes);
}

/** A large picture in pieces: its base64 is a string of a third more bytes. */
async function* pngInJson(
  png: string | Uint8Array,
  { width, height }: ImageSize,
): AsyncGenerator<string> {
  yield `{"size":[${height},${width}],"png":"`;
  const bytes = Buffer.from(png as Uint8Array);
  for (let at = 0; at < bytes.length; at += BASE64_PIECE) {
    yield bytes.toString('base64', at, at + BASE64_PIECE);
  }
  yield '"}';
}

function logitsOf({ dtype, bytes }: Tensor) {
  return { dtype, data: Buffer.from(bytes).toString('base64') };
}
