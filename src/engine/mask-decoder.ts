import { Tensor } from 'onnxruntime-node';
import { bestBatch, type Provider } from '../core/device.js';
import type { Family } from '../core/family/family.js';
import { LOW_RES_LOGITS, LOW_RES_SIDE } from '../core/masks/low-res-mask.js';
import { onceEach } from '../core/once-each.js';
import { AMBIGUOUS_MASKS } from '../core/prompt.js';
import { buildDecoder, type DecoderVariant, orderFor } from '../sam/decoder/decoder.js';
import { buildContext } from '../sam/decoder/image-context.js';
import { familyOfWeights, type Weights } from '../sam/weights/weights.js';
import { type Crowd, isAlone } from './crowd.js';
import { openSession, type Session, type SessionOptions } from './session.js';

/** The tensors of an embedding by name, in 32 bits. */
export type EmbeddingFloats = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>
>;

/** The decoder's work on an image that all prompts share. */
export type ImageContext = Readonly<Record<string, Tensor>>;

/** B prompts of N tokens each. All have a mask, or none has. */
export interface PromptBatch {
  /** [B,N,2] pixels in the model's frame. */
  readonly coords: Float32Array;
  /** [B,N]: -1 padding, 0 background, 1 foreground, 2 and 3 the corners of a box. */
  readonly labels: Float32Array;
  /** [B,256,256] logits of earlier masks. */
  readonly maskInput?: Float32Array | undefined;
  readonly prompts: number;
}

/** One of the decoder's masks. */
export interface LowResMask {
  /** [256,256] in the network's own memory: copies of a batch's masks would be megabytes of new pages each time. */
  readonly logits: Float32Array;
  readonly predictedIou: number;
}

/** A mask whose predicted IoU is above a threshold. */
export interface LikelyMask extends LowResMask {
  /** AMBIGUOUS_MASKS * prompt + mask */
  readonly token: number;
}

/** A decoder's own share of threads, and the lane's whose others may be idle. */
export interface DecoderOptions extends SessionOptions {
  readonly crowd?: Crowd;
}

/** The prompt encoder and mask decoder: one graph an image, and one a prompt for each kind of prompt. */
export class MaskDecoder {
  readonly provider: Provider;
  readonly #family: Family;
  readonly #contexts: Session;
  /** Most clicks need one graph; the others are opened when the first prompt of their kind comes. */
  readonly #decoder: (variant: DecoderVariant, threads: number) => Promise<Session>;
  readonly #options: DecoderOptions;

  private constructor(weights: Weights, options: DecoderOptions, contexts: Session) {
    this.provider = contexts.provider;
    this.#family = familyOfWeights(weights);
    this.#contexts = contexts;
    this.#options = options;
    const open = onceEach(
      ([variant, threads]: readonly [DecoderVariant, number]) =>
        openSession(buildDecoder(weights, variant), { ...options, threads }),
      JSON.stringify,
    );
    this.#decoder = (variant, threads) => open([variant, threads]);
  }

  /** @throws OperatorError when the device's provider does not load */
  static async open(weights: Weights, options: DecoderOptions): Promise<MaskDecoder> {
    const contexts = await openSession(buildContext(weights), options);
    return new MaskDecoder(weights, options, contexts);
  }

  context(embedding: EmbeddingFloats): Promise<ImageContext> {
    const tensors = Object.entries(embedding).map(
      ([name, { data, shape }]) => [name, new Tensor('float32', data, shape)] as const,
    );
    return this.#contexts.run(Object.fromEntries(tensors));
  }

  /** Opens what most clicks need and runs it once, for a prompt alone and for one of many. */
  async warmUp(embedding: EmbeddingFloats): Promise<void> {
    const context = await this.context(embedding);
    const coords = new Tensor('float32', new Float32Array(4), [1, 2, 2]);
    const labels = new Tensor('float32', Float32Array.of(1, -1), [1, 2]);
    const order = orderFor(2, this.#family);
    for (const threads of this.#widths) {
      const session = await this.#decoder({ order, withMask: false, answer: 'masks' }, threads);
      await session.run({
        ...context,
        multimask_output: new Tensor('bool', Uint8Array.of(1), [1]),
        point_coords: coords,
        point_labels: labels,
      });
    }
  }

  /** Threads of a prompt among others, and of one alone. On other devices they make no difference. */
  get #widths(): ReadonlySet<number> {
    const { threads, crowd } = this.#options;
    return new Set(crowd && this.provider === 'cpu' ? [threads, crowd.threads] : [threads]);
  }

  /** Of a prompt that is to run now: with all threads it takes less time, but more of the processor. */
  get #threads(): number {
    const { threads, crowd } = this.#options;
    return crowd && this.provider === 'cpu' && isAlone(crowd) ? crowd.threads : threads;
  }

  /**
   * The masks of prompts about one image, prompt by prompt: of mask tokens 1 to 3, or of one alone, which is token 0 but
   * where a SAM 2 finds its mask unstable.
   */
  async run(context: ImageContext, batch: PromptBatch, multimask: boolean): Promise<LowResMask[]> {
    const masks: LowResMask[] = [];
    for (const part of split(batch, bestBatch(this.provider))) {
      const flag = new Tensor('bool', Uint8Array.of(multimask ? 1 : 0), [1]);
      const answer = await this.#decode('masks', context, part, { multimask_output: flag });
      masks.push(...masksOf(answer));
    }
    return masks;
  }

  /**
   * Of the three masks of each prompt those above a threshold, as everything mode wants them, by rising token. The
   * others are dropped inside the network, before the upscaling.
   */
  async candidates(
    context: ImageContext,
    batch: PromptBatch,
    predIouThresh: number,
  ): Promise<LikelyMask[]> {
    const masks: LikelyMask[] = [];
    for (const { from, ...part } of split(batch, bestBatch(this.provider))) {
      const threshold = new Tensor('float32', Float32Array.of(predIouThresh), [1]);
      const answer = await this.#decode('candidates', context, part, {
        pred_iou_thresh: threshold,
      });
      const tokens = answer['candidates']?.data as BigInt64Array;
      const found = masksOf(answer);
      masks.push(
        ...found.map((mask, i) => ({ ...mask, token: AMBIGUOUS_MASKS * from + Number(tokens[i]) })),
      );
    }
    return masks;
  }

  async #decode(
    answer: DecoderVariant['answer'],
    context: ImageContext,
    { coords, labels, maskInput, prompts }: PromptBatch,
    more: Record<string, Tensor>,
  ): Promise<Record<string, Tensor>> {
    const tokens = labels.length / prompts;
    const variant = {
      order: orderFor(tokens, this.#family),
      withMask: maskInput !== undefined,
      answer,
    };
    // Everything mode has a task for every worker, but for a moment at its end: too short to open a second session for.
    const threads = answer === 'candidates' ? this.#options.threads : this.#threads;
    const session = await this.#decoder(variant, threads);
    return session.run({
      ...context,
      ...more,
      point_coords: new Tensor('float32', coords, [prompts, tokens, 2]),
      point_labels: new Tensor('float32', labels, [prompts, tokens]),
      ...(maskInput && {
        mask_input: new Tensor('float32', maskInput, [prompts, 1, LOW_RES_SIDE, LOW_RES_SIDE]),
      }),
    });
  }
}

/** A batch in parts of at most `size` prompts, each with the place of its first. */
function* split(batch: PromptBatch, size: number): Generator<PromptBatch & { from: number }> {
  const { coords, labels, maskInput, prompts } = batch;
  const tokens = labels.length / prompts;
  for (let from = 0; from < prompts; from += size) {
    const to = Math.min(from + size, prompts);
    yield {
      from,
      prompts: to - from,
      coords: coords.subarray(from * tokens * 2, to * tokens * 2),
      labels: labels.subarray(from * tokens, to * tokens),
      maskInput: maskInput?.subarray(from * LOW_RES_LOGITS, to * LOW_RES_LOGITS),
    };
  }
}

function masksOf(answer: Record<string, Tensor>): LowResMask[] {
  const logits = floats(answer, 'low_res_masks'); // [masks,256,256]
  return Array.from(floats(answer, 'iou_predictions'), (predictedIou, i) => ({
    logits: logits.subarray(i * LOW_RES_LOGITS, (i + 1) * LOW_RES_LOGITS),
    predictedIou,
  }));
}

function floats(answer: Record<string, Tensor>, name: string): Float32Array {
  const tensor = answer[name];
  if (!tensor) throw new Error(`the mask decoder has no output "${name}"`);
  return tensor.data as Float32Array;
}
