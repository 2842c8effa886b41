import { Piscina } from 'piscina';
import type { Provider } from '../core/device.js';
import { SamError } from '../core/errors.js';
import type { Mask, PromptResult } from '../core/mask.js';
import type { ModelManifest } from '../core/model.js';
import type { Decoded, DecodeTask } from '../core/ports.js';
import { type LowResLogits, wantsMultimask } from '../core/prompt.js';
import { BYTES_PER_ELEMENT, readFloats } from '../core/tensor.js';
import { LOGITS_PER_MASK, type MaskBatch, MaskDecoder } from '../engine/mask-decoder.js';
import type { SessionOptions } from '../engine/session.js';
import { makeMask } from '../masks/mask.js';
import { promptTokens } from '../sam/prompt-tokens.js';
import { type Outcome, settle } from './outcome.js';
import { together, type WarmUp } from './warm-up.js';

/** What a worker of the decode lane is given when it starts. */
export interface DecodeSettings {
  readonly manifest: ModelManifest;
  /** The ONNX graph of prompt encoder and mask decoder. */
  readonly decoder: Uint8Array;
  readonly session: SessionOptions;
}

/** Mask token 0 answers a clear prompt, tokens 1 to 3 an ambiguous one. */
const SINGLE_MASK = [0];
const MULTIMASK = [1, 2, 3];
const MASK_TOKENS = 4;

const settings = Piscina.workerData as DecodeSettings;
let decoder: Promise<MaskDecoder> | undefined;

/** The worker's one session; a worker that replaces a dead one opens it with its first task. */
function open(): Promise<MaskDecoder> {
  decoder ??= MaskDecoder.open(settings.decoder, settings.session);
  return decoder;
}

export function warmUp(task: WarmUp): Promise<Outcome<Provider>> {
  return settle(() =>
    together(task, async () => {
      const network = await open();
      const embedding = new Float32Array(256 * 64 * 64);
      const coords = new Float32Array(4);
      const labels = new Float32Array([1, -1]);
      await network.run(embedding, { coords, labels, maskInputs: [undefined] });
      return network.provider;
    }),
  );
}

/** Prompts of equally many tokens -> low-resolution masks -> masks of the image's size. */
export function decode({ embedding, prompts, options }: DecodeTask): Promise<Outcome<Decoded>> {
  return settle(async () => {
    const start = performance.now();
    const { image, tensor } = embedding;
    const tokens = prompts.map(({ prompt }) => promptTokens(prompt, image));
    const batch = {
      coords: concat(tokens.map(({ coords }) => coords)),
      labels: concat(tokens.map(({ labels }) => labels)),
      maskInputs: prompts.map(({ prompt, index }) =>
        prompt.mask_input ? readMaskInput(prompt.mask_input, index) : undefined,
      ),
    };
    const answer = await (await open()).run(readFloats(tensor.bytes, tensor.dtype), batch);
    const decoded = performance.now();
    const results: PromptResult[] = [];
    for (const [i, { prompt }] of prompts.entries()) {
      const chosen = wantsMultimask(prompt) ? MULTIMASK : SINGLE_MASK;
      const masks: Mask[] = [];
      for (const token of chosen) {
        const { logits, iou } = pick(answer, i * MASK_TOKENS + token);
        masks.push(await makeMask(logits, iou, image, settings.manifest.image_size, options));
      }
      results.push({ masks: masks.sort((a, b) => b.predicted_iou - a.predicted_iou) });
    }
    const timings = { decode_ms: decoded - start, masks_ms: performance.now() - decoded };
    return { results, timings };
  });
}

function pick({ lowResMasks, iouPredictions }: MaskBatch, at: number) {
  const logits = lowResMasks.subarray(at * LOGITS_PER_MASK, (at + 1) * LOGITS_PER_MASK);
  return { logits, iou: iouPredictions[at] as number };
}

function concat(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

/** @throws SamError `prompt-invalid` when it is not 256x256 finite numbers */
function readMaskInput({ dtype, data }: LowResLogits, index: number): Float32Array {
  const path = `/prompts/${index}/mask_input/data`;
  const bytes = Buffer.from(data, 'base64');
  const expected = LOGITS_PER_MASK * BYTES_PER_ELEMENT[dtype];
  // The decoder skips what is not base64, so the length of the text has to fit as well.
  if (bytes.length !== expected || data.length !== Math.ceil(expected / 3) * 4) {
    throw invalid(path, `must be base64 of 256x256 ${dtype} numbers, ${expected} bytes`);
  }
  const logits = readFloats(bytes, dtype);
  if (!logits.every(Number.isFinite)) throw invalid(path, 'must hold finite numbers only');
  return logits;
}

function invalid(path: string, message: string): SamError {
  return new SamError('prompt-invalid', `${path} ${message}`, { violations: [{ path, message }] });
}
