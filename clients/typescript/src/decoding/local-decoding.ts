import { transfer } from 'comlink';
import type { Embedding } from '../embedding.js';
import type { DecodedMask } from '../mask.js';
import type { Place, PredictPrompt, Wanted } from '../prediction.js';
import type { GraphPart, SamClient } from '../sam-client.js';
import type { Stages } from '../stages.js';
import { DecoderFailure } from './decoder-host.js';
import { Downloads } from './downloads.js';
import { Engine, type LocalOptions } from './engine.js';
import type { LocalModel } from './local-decoder.js';

/** Decoding in this browser or process: what it needs is fetched, opened and run once. */
export class LocalDecoding {
  readonly #client: SamClient;
  readonly #downloads = new Downloads();
  #options: LocalOptions;
  #engine: Promise<Engine> | undefined;
  #setback: string | undefined;
  /** The image that was asked for last, whose embedding need not be the last to come. */
  #latest: Embedding | undefined;

  constructor(client: SamClient, options: LocalOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Why WebGPU was given up, if it was. */
  get setback(): string | undefined {
    return this.#setback;
  }

  /** Begins with what needs no image, while the first one is on its way. What fails, `prepare` tells. */
  warmUp(model: string): void {
    const unlessLate = ([engine, known]: readonly [Engine, LocalModel]) =>
      engine.run(async (decoder) => (this.#latest ? undefined : decoder.warmUp(known)));
    Promise.all([this.#ready(model), this.#known(model)])
      .then(unlessLate)
      .catch(() => undefined);
  }

  /**
   * Fetches the embedding and what else is missing, and runs what all prompts about the image share.
   * @throws DecoderFailure; an AbortError when another image is wanted; whatever fetching throws
   */
  async prepare(embedding: Embedding, stages: Stages, signal?: AbortSignal): Promise<Place> {
    try {
      return await this.#prepare(embedding, stages, signal);
    } catch (error) {
      const place = (await this.#engine?.catch(() => undefined))?.place;
      const onGpu = place?.runtime === 'webgpu' && this.#options.runtime === 'auto';
      if (!onGpu || !(error instanceof DecoderFailure)) throw error;
      this.#setback = `WebGPU: ${error.message}`;
      this.#options = { ...this.#options, runtime: 'wasm' };
      this.close();
      return this.#prepare(embedding, stages, signal);
    }
  }

  /**
   * Decodes a prompt about the image that was prepared last.
   * @throws DecoderFailure, also where it is another image; the signal's reason
   */
  async decode(
    { embedding_id, model }: Embedding,
    prompt: PredictPrompt,
    wanted: Wanted,
    signal: AbortSignal | undefined,
  ): Promise<DecodedMask[]> {
    const engine = await this.#engine;
    if (!engine) throw new DecoderFailure('the decoder was closed');
    if (prompt.mask_input) await engine.open(model, 'decoder-with-mask');
    return engine.run((decoder) => decoder.decode(embedding_id, prompt, wanted), signal);
  }

  /** Ends the worker; what comes next starts another. */
  close(): void {
    this.#engine?.then((engine) => engine.end()).catch(() => undefined);
    this.#engine = undefined;
  }

  async #prepare(
    embedding: Embedding,
    stages: Stages,
    signal: AbortSignal | undefined,
  ): Promise<Place> {
    const { embedding_id, model, width, height } = embedding;
    this.#latest = embedding;
    stages.begin('fetch');
    const unwatch = this.#downloads.watch((fraction) => stages.at(fraction));
    const onBytes = this.#downloads.add(embedding_id);
    const [engine, known, halves] = await Promise.all([
      this.#ready(model),
      this.#known(model),
      this.#client.embeddingTensor(embedding_id, { signal, onBytes }),
    ]).finally(unwatch);
    if (this.#latest !== embedding) throw superseded();
    stages.begin('prepare');
    await engine.run(async (decoder) => {
      // Also finds out whether the GPU can run the graphs at all.
      if (engine.place.runtime === 'webgpu') await decoder.warmUp(known);
      const image = { id: embedding_id, model: known, width, height, embedding: halves };
      await decoder.setImage(transfer(image, [halves.buffer]));
    }, signal);
    // The next click may refine this one.
    engine.open(model, 'decoder-with-mask').catch(() => undefined);
    return engine.place;
  }

  /** What the service says of a model, as the decoder takes it. */
  async #known(name: string): Promise<LocalModel> {
    const { image_size, resize, prompt, logits_limit, graphs } = await this.#client.model(name);
    const embedding = graphs.context.inputs.map(({ name, shape }) => ({
      name,
      shape: shape.map(Number),
    }));
    return { ...{ name, image_size, resize, prompt, embedding }, logits_limit };
  }

  /** With the graphs open that every prompt needs. */
  async #ready(model: string): Promise<Engine> {
    const engine = await this.#start();
    await Promise.all([engine.open(model, 'context'), engine.open(model, 'decoder')]);
    return engine;
  }

  #start(): Promise<Engine> {
    if (this.#engine) return this.#engine;
    const fetch = (model: string, part: GraphPart) => {
      const onBytes = this.#downloads.add(`${model} ${part}`);
      return this.#client.decoderGraph(model, part, { onBytes });
    };
    const engine = Engine.start(this.#options, fetch);
    this.#engine = engine;
    engine.catch(() => {
      if (this.#engine === engine) this.#engine = undefined;
    });
    return engine;
  }
}

/** What ends the preparation of an image when another one is wanted. */
export function superseded(): DOMException {
  return new DOMException('another image was set', 'AbortError');
}
