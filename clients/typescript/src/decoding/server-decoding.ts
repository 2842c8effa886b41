import { toFloat16, toFloat32 } from '../../../../src/core/tensors/float16.js';
import type { Embedding } from '../embedding.js';
import { fromBase64, toBase64 } from '../http/base64.js';
import type { DecodedMask, RunLengths } from '../mask.js';
import type { LowResLogits } from '../openapi.js';
import type { PredictPrompt, Wanted } from '../prediction.js';
import type { SamClient } from '../sam-client.js';

/** Has the server decode a prompt. Logits travel as float16. */
export async function decodeOnServer(
  client: SamClient,
  { embedding_id }: Embedding,
  { mask_input, ...points }: PredictPrompt,
  wanted: Wanted,
  signal: AbortSignal | undefined,
): Promise<DecodedMask[]> {
  const request = {
    ...({ embedding_id, ...points, format: 'rle_counts' } as const),
    ...({ return_logits: wanted.logits, logits_dtype: 'float16' } as const),
    ...(mask_input && { mask_input: logitsOut(mask_input) }),
  };
  const { results } = await client.decode(request, { signal });
  const masks = results[0]?.masks ?? [];
  return masks
    .slice(0, wanted.best ? 1 : undefined)
    .map(({ low_res_logits, segmentation, ...mask }) => ({
      ...mask,
      segmentation: segmentation as RunLengths,
      ...(low_res_logits && { low_res_logits: logitsIn(low_res_logits) }),
    }));
}

function logitsOut(logits: Float32Array): LowResLogits {
  const halves = toFloat16(logits, new Uint16Array(logits.length));
  return { dtype: 'float16', data: toBase64(new Uint8Array(halves.buffer)) };
}

function logitsIn({ data }: LowResLogits): Float32Array {
  return toFloat32(new Uint16Array(fromBase64(data).buffer));
}
