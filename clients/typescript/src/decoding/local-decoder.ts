import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { PromptLayout, Resize } from '../../../../src/core/family/family.js';
import type { ImageSize } from '../../../../src/core/image.js';
import {
  handedOut,
  LOW_RES_LOGITS,
  LOW_RES_SIDE,
} from '../../../../src/core/masks/low-res-mask.js';
import { wantsMultimask } from '../../../../src/core/prompt.js';
import { toFloat32 } from '../../../../src/core/tensors/float16.js';
import { postprocessMask } from '../../../../src/masks/postprocess.js';
import { promptTokens } from '../../../../src/sam/decoder/prompt-tokens.js';
import type { DecodedMask } from '../mask.js';
import type { Place, PredictPrompt, Wanted } from '../prediction.js';
import type { GraphPart } from '../sam-client.js';
import type { Runtime, RuntimeOptions } from './runtime.js';

type Tensors = Readonly<Record<string, Tensor>>;

/** What `/models` says of a model that its graphs do not. */
export interface LocalModel {
  readonly name: string;
  /** Of the square that it sees images in. */
  readonly image_size: number;
  readonly resize: Resize;
  readonly prompt: PromptLayout;
  readonly logits_limit?: number | undefined;
  /** The tensors of an embedding: what its context graph takes. */
  readonly embedding: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

/** An image as the decoder needs it. */
export interface LocalImage extends ImageSize {
  readonly id: string;
  readonly model: LocalModel;
  /** The embedding's tensors, one after the other, as the bits of float16. */
  readonly embedding: Uint16Array<ArrayBuffer>;
}

type SetImage = Omit<LocalImage, 'embedding'> & { readonly context: Tensors };

/**
 * The decoder where no server is: graphs are opened, an image is set, prompts are decoded. It runs in a worker in browsers
 * and blocks its thread as long as a graph runs.
 */
export class LocalDecoder {
  readonly #load: (options: RuntimeOptions) => Promise<Runtime>;
  #runtime: Runtime | undefined;
  /** By model and part. */
  readonly #sessions = new Map<string, InferenceSession>();
  /** Models whose graphs have run. */
  readonly #warm = new Set<string>();
  #image: SetImage | undefined;

  constructor(load: (options: RuntimeOptions) => Promise<Runtime>) {
    this.#load = load;
  }

  /** To be called first. @throws Error when the runtime does not load */
  async start(options: RuntimeOptions): Promise<Place> {
    this.#runtime = await this.#load(options);
    return this.#runtime.place;
  }

  /** @param file an ONNX file. @throws Error when the runtime cannot run it */
  async open(model: string, part: GraphPart, file: Uint8Array<ArrayBuffer>): Promise<void> {
    const { ort, session } = this.#started();
    this.#sessions.set(
      `${model} ${part}`,
      await ort.InferenceSession.create(file, {
        ...session,
        // What only the other graph reads need not leave the GPU.
        ...(part === 'context' && this.#onGpu() && { preferredOutputLocation: 'gpu-buffer' }),
      }),
    );
  }

  /**
   * Answers a prompt about nothing, once: the first run of a graph is many times as long as others, for what wasm and GPU
   * are told is compiled in it.
   */
  async warmUp(model: LocalModel): Promise<void> {
    if (this.#warm.has(model.name)) return;
    const length = model.embedding.reduce((sum, { shape }) => sum + elements(shape), 0);
    const context = await this.#contextOf(model, new Float32Array(length));
    const point = { point_coords: [[0, 0]] as [number, number][], point_labels: [1 as const] };
    await this.#run({ ...NOTHING, model, context }, point);
    dispose(context);
    this.#warm.add(model.name);
  }

  /** Runs what all prompts about the image share. */
  async setImage({ embedding, ...image }: LocalImage): Promise<void> {
    const context = await this.#contextOf(image.model, toFloat32(embedding));
    dispose(this.#image?.context);
    this.#image = { ...image, context };
  }

  /**
   * Decodes as the server does: the masks of one prompt, best predicted IoU first.
   * @param id of the image that has to be set.
   * @param prompt in its pixels, checked.
   */
  async decode(id: string, prompt: PredictPrompt, wanted: Wanted): Promise<DecodedMask[]> {
    const image = this.#image;
    if (image?.id !== id) throw new Error('another image is set');
    const answer = await this.#run(image, prompt);
    const all = answer['low_res_masks']?.data as Float32Array; // [1,M,256,256]
    const scores = answer['iou_predictions']?.data as Float32Array; // [1,M]
    const ranked = [...scores.entries()].sort(([, a], [, b]) => b - a);
    return ranked.slice(0, wanted.best ? 1 : undefined).map(([i, predictedIou]) => {
      const logits = all.slice(i * LOW_RES_LOGITS, (i + 1) * LOW_RES_LOGITS);
      return maskOf(logits, predictedIou, image.model, wanted.size ?? image, wanted.logits);
    });
  }

  /** @param floats the embedding's tensors, one after the other. */
  #contextOf({ name: model, embedding }: LocalModel, floats: Float32Array): Promise<Tensors> {
    const { ort } = this.#started();
    const feeds: Record<string, Tensor> = {};
    let at = 0;
    for (const { name, shape } of embedding) {
      const length = elements(shape);
      feeds[name] = new ort.Tensor('float32', floats.subarray(at, at + length), shape);
      at += length;
    }
    return this.#session(model, 'context').run(feeds);
  }

  #run(
    { model, context, width, height }: SetImage,
    { mask_input, ...points }: PredictPrompt,
  ): Promise<Tensors> {
    const { ort } = this.#started();
    const frame = { side: model.image_size, resize: model.resize };
    const { coords, labels } = promptTokens(points, { width, height }, frame, model.prompt);
    const multimask = wantsMultimask({ ...points, ...(mask_input && { mask_input: NO_LOGITS }) });
    const session = this.#session(model.name, mask_input ? 'decoder-with-mask' : 'decoder');
    return session.run({
      ...context,
      point_coords: new ort.Tensor('float32', coords, [1, labels.length, 2]),
      point_labels: new ort.Tensor('float32', labels, [1, labels.length]),
      multimask_output: new ort.Tensor('bool', [multimask], [1]),
      ...(mask_input && {
        mask_input: new ort.Tensor('float32', mask_input, [1, 1, LOW_RES_SIDE, LOW_RES_SIDE]),
      }),
    });
  }

  /** Gives back what graphs take. */
  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all(sessions.map((session) => session.release()));
  }

  #onGpu(): boolean {
    return this.#started().place.runtime === 'webgpu';
  }

  #started(): Runtime {
    if (!this.#runtime) throw new Error('the decoder is not started');
    return this.#runtime;
  }

  #session(model: string, part: GraphPart): InferenceSession {
    const session = this.#sessions.get(`${model} ${part}`);
    if (!session) throw new Error(`the ${part} of ${model} is not open`);
    return session;
  }
}

/** An image to warm up with. */
const NOTHING = { id: '', width: 1, height: 1 };

/** Stands for a mask_input where only its being there matters. */
const NO_LOGITS = { dtype: 'float32', data: '' } as const;

/** Of the GPU's memory, which is not collected. */
function dispose(tensors: Tensors = {}): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}

/** Elements of a tensor of this shape. */
function elements(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** @param logits [256,256] */
function maskOf(
  logits: Float32Array,
  predicted_iou: number,
  model: LocalModel,
  { width, height }: ImageSize,
  withLogits: boolean,
): DecodedMask {
  const frame = { side: model.image_size, resize: model.resize };
  const mask = postprocessMask(logits, { width, height }, frame);
  const { counts, stabilityScore: stability_score, bbox, area } = mask;
  return {
    segmentation: { size: [height, width], counts: [...counts] },
    ...{ predicted_iou, stability_score, bbox: [...bbox], area },
    ...(withLogits && { low_res_logits: handedOut(logits, model.logits_limit) }),
  };
}
