import { transfer } from 'comlink';
import { onceEach } from '../../../../src/core/once-each.js';
import type { Embedding } from '../embedding.js';
import type { DecodedMask } from '../mask.js';
import type { Place, PredictPrompt } from '../prediction.js';
import type { GraphPart, SamClient } from '../sam-client.js';
import type { Stages } from '../stages.js';
import { type DecoderHost, startHost } from './decoder-host.js';
import { Downloads } from './downloads.js';
import type { RuntimeOptions } from './runtime.js';
import { Turns } from './turns.js';

export interface LocalOptions extends RuntimeOptions {
  readonly assets: URL;
}

/** The decoder itself has failed, not what it is fed by. */
export class DecoderFailure extends Error {}

/** A decoder that runs. */
interface Engine {
  readonly host: DecoderHost;
  readonly place: Place;
  /** Fetches a graph and opens it, once. */
  readonly open: (model: string, part: GraphPart) => Promise<void>;
}

/** Decoding in this browser or process: what it needs is fetched, opened and run once. */
export class LocalDecoding {
  readonly #client: SamClient;
  readonly #downloads = new Downloads();
  /** The decoder does one thing at a time. */
  readonly #turns = new Turns();
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
    this.#ready(model)
      .then(({ host }) =>
        this.#run(() => (this.#latest ? Promise.resolve() : host.decoder.warmUp(model))),
      )
      .catch(() => undefined);
  }

  /**
   * Fetches the embedding and what else is missing, and runs what all prompts about the image share.
   * @throws DecoderFailure; SamProblem and whatever else fetching throws
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
    withLogits: boolean,
    signal: AbortSignal | undefined,
  ): Promise<DecodedMask[]> {
    const { host, open } = await this.#start();
    if (prompt.mask_input) await open(model, 'decoder-with-mask');
    return this.#run(() => host.decoder.decode(embedding_id, prompt, withLogits), signal);
  }

  /** Ends the worker; what comes next starts another. */
  close(): void {
    this.#engine?.then(({ host }) => host.end()).catch(() => undefined);
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
    const [{ host, place, open }, halves] = await Promise.all([
      this.#ready(model),
      this.#client.embeddingTensor(embedding_id, { signal, onBytes }),
    ]).finally(unwatch);
    if (this.#latest !== embedding) throw superseded();
    stages.begin('prepare');
    await this.#run(async () => {
      // Also finds out whether the GPU can run the graphs at all.
      if (place.runtime === 'webgpu') await host.decoder.warmUp(model);
      const image = { id: embedding_id, model, width, height, embedding: halves };
      await host.decoder.setImage(transfer(image, [halves.buffer]));
    }, signal);
    // The next click may refine this one.
    open(model, 'decoder-with-mask').catch(() => undefined);
    return place;
  }

  /** With the graphs open that every prompt needs. */
  async #ready(model: string): Promise<Engine> {
    const engine = await this.#start();
    await Promise.all([engine.open(model, 'context'), engine.open(model, 'decoder')]);
    return engine;
  }

  #start(): Promise<Engine> {
    if (this.#engine) return this.#engine;
    const engine = this.#startEngine();
    this.#engine = engine;
    engine.catch(() => {
      if (this.#engine === engine) this.#engine = undefined;
    });
    return engine;
  }

  async #startEngine(): Promise<Engine> {
    const { assets, runtime, threads } = this.#options;
    const host = await startHost(assets);
    try {
      const place = await Promise.race([host.decoder.start({ runtime, threads }), host.failure]);
      const open = onceEach(
        ([model, part]: readonly [string, GraphPart]) => this.#open(host, model, part),
        (graph) => graph.join(' '),
      );
      return { host, place, open: (...graph) => open(graph) };
    } catch (error) {
      host.end();
      throw new DecoderFailure(messageOf(error));
    }
  }

  async #open({ decoder }: DecoderHost, model: string, part: GraphPart): Promise<void> {
    const onBytes = this.#downloads.add(`${model} ${part}`);
    const file = await this.#client.decoderGraph(model, part, { onBytes });
    await this.#run(() => decoder.open(model, part, transfer(file, [file.buffer])));
  }

  #run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const named = (error: unknown) => {
      throw new DecoderFailure(messageOf(error));
    };
    return this.#turns.take(() => work().catch(named), signal);
  }
}

/** What ends the preparation of an image when another one is wanted. */
export function superseded(): DOMException {
  return new DOMException('another image was set', 'AbortError');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
