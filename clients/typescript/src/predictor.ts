import { DecoderFailure } from './decoding/decoder-host.js';
import { LocalDecoding, superseded } from './decoding/local-decoding.js';
import { checkPrompt } from './decoding/prompt-check.js';
import { decodeOnServer } from './decoding/server-decoding.js';
import { untilAborted } from './decoding/until-aborted.js';
import type { Embedding, ImageSource } from './embedding.js';
import type { DecodeWhere, Place, Prediction, PredictPrompt, Wanted } from './prediction.js';
import type { OnProgress } from './progress.js';
import type { CallOptions, EmbedOptions, SamClient } from './sam-client.js';
import { Stages } from './stages.js';

export interface PredictorOptions {
  /** The model of images that are yet to be embedded. */
  readonly model?: string;
  /** `auto` by default. */
  readonly decode?: DecodeWhere;
  /** Where this package's `dist/assets/` lies, with a slash at its end; beside this module by default. */
  readonly assets?: string | URL;
  /** `wasm` leaves WebGPU alone, `webgpu` takes it even where it is software; `auto` by default. */
  readonly runtime?: 'auto' | 'webgpu' | 'wasm';
  /** Of wasm, where pages are cross-origin isolated and in Node.js: by default one a processor, at most 4. */
  readonly threads?: number;
}

export interface PredictOptions extends CallOptions {
  /** false: without `low_res_logits`, which makes the server's answer smaller. */
  readonly logits?: boolean;
  /** true: only the mask with the best predicted IoU, which takes less time here. */
  readonly best?: boolean;
  /**
   * The image's size where it is shown smaller: masks made here have that size, which takes less time. Prompts are in the
   * image's pixels all the same. The server's masks have the image's size.
   */
  readonly size?: Pick<Embedding, 'width' | 'height'>;
}

/** Where prompts are decoded. */
export interface Decision {
  readonly place: Place;
  /** Why not in the better place. */
  readonly fallback?: string;
}

const SERVER = { runtime: 'server' } as const;

/** How far decoding here has come for the image that is set. */
interface Preparation {
  readonly done: Promise<Place>;
  /** Once it is done. */
  place: Place | undefined;
  /** Once it has failed. */
  reason: string | undefined;
}

/** segment-anything's `SamPredictor`: an image is set, then asked about. */
export class Predictor {
  /** Where decoding is wanted. May be set at any time: the next prompt goes there. */
  decode: DecodeWhere;
  readonly #client: SamClient;
  readonly #model: string | undefined;
  readonly #local: LocalDecoding;
  #image: Embedding | undefined;
  /** Calls of `setImage`: the last one counts, whichever is the first to have its embedding. */
  #turn = 0;
  #preparation: Preparation | undefined;

  constructor(client: SamClient, options: PredictorOptions = {}) {
    const { model, decode = 'auto', runtime = 'auto', threads } = options;
    const assets = new URL(options.assets ?? 'assets/', import.meta.url);
    this.decode = decode;
    this.#client = client;
    this.#model = model;
    this.#local = new LocalDecoding(client, { assets, runtime, threads });
  }

  /** The image that is set. */
  get image(): Embedding | undefined {
    return this.#image;
  }

  /**
   * Embeds an image, or takes one that is embedded. With `decode: 'here'` it returns when prompts can be decoded here;
   * else as soon as the server can, and with `auto` goes on preparing: `onProgress` hears of `ready` when that is done.
   * @throws SamProblem; an `AbortError` when another image is set meanwhile; with `here` whatever keeps it from decoding
   */
  async setImage(
    image: ImageSource | Embedding,
    { signal, onProgress }: Omit<EmbedOptions, 'model' | 'text'> = {},
  ): Promise<Embedding> {
    const turn = ++this.#turn;
    const stages = new Stages(onProgress);
    const known = 'embedding_id' in image;
    if (this.decode !== 'server') void this.#warmUp(known ? image.model : this.#model);
    const embedding = known ? image : await this.#embed(image, signal, onProgress);
    if (turn !== this.#turn) throw superseded();
    this.#image = embedding;
    this.#preparation = undefined;
    if (this.decode === 'server') stages.ready();
    else {
      const { done } = this.#prepare(embedding, stages, signal);
      if (this.decode === 'here') await done;
    }
    return embedding;
  }

  /**
   * Where the next prompt will be decoded, once everything needed for that is there.
   * @throws Error where no image is set, and with `here` whatever keeps it from decoding
   */
  async prepared({ signal }: CallOptions = {}): Promise<Decision> {
    const image = this.#required();
    if (this.decode === 'server') return { place: SERVER };
    const preparation = this.#prepare(image);
    try {
      return this.#here(await untilAborted(preparation.done, signal));
    } catch (error) {
      if (signal?.aborted || this.decode === 'here') throw error;
      return { place: SERVER, fallback: messageOf(error) };
    }
  }

  /**
   * The masks that answer a prompt about the image that is set.
   * @throws SamProblem for a bad prompt, wherever it is decoded; the signal's reason
   */
  async predict(prompt: PredictPrompt, options: PredictOptions = {}): Promise<Prediction> {
    const { signal, logits = true, best = false, size } = options;
    const wanted = { logits, best, size };
    const start = performance.now();
    const image = this.#required();
    checkPrompt(prompt, image);
    signal?.throwIfAborted();
    const answer = (masks: Prediction['masks'], decision: Decision) => ({
      ...{ masks, ...decision },
      ms: performance.now() - start,
    });
    let fallback: string | undefined;
    if (this.decode !== 'server') {
      const preparation = this.#prepare(image);
      try {
        const place =
          this.decode === 'here' ? await untilAborted(preparation.done, signal) : preparation.place;
        if (place) {
          const masks = await this.#decodeHere(image, prompt, preparation, wanted, signal);
          return answer(masks, this.#here(place));
        }
        fallback = preparation.reason ?? 'what decodes here is still being fetched';
      } catch (error) {
        if (signal?.aborted || this.decode === 'here') throw error;
        fallback = messageOf(error);
      }
    }
    const masks = await decodeOnServer(this.#client, image, prompt, wanted, signal);
    return answer(masks, { place: SERVER, ...(fallback && { fallback }) });
  }

  /** Ends the worker. */
  close(): void {
    this.#local.close();
    this.#preparation = undefined;
  }

  #required(): Embedding {
    if (!this.#image) throw new Error('no image is set');
    return this.#image;
  }

  async #warmUp(model: string | undefined): Promise<void> {
    try {
      this.#local.warmUp(model ?? (await this.#client.defaultModel()));
    } catch {
      // Whoever embeds the image is told.
    }
  }

  #embed(
    image: ImageSource,
    signal: AbortSignal | undefined,
    onProgress: OnProgress | undefined,
  ): Promise<Embedding> {
    const embedding: OnProgress = (progress) => {
      if (progress.stage !== 'ready') onProgress?.(progress);
    };
    return this.#client.embed(image, { model: this.#model, signal, onProgress: embedding });
  }

  /** The preparation of the image that is set: that which is under way, done or failed, or a new one. */
  #prepare(image: Embedding, stages = new Stages(undefined), signal?: AbortSignal): Preparation {
    if (this.#preparation) return this.#preparation;
    const done = this.#local.prepare(image, stages, signal);
    const preparation: Preparation = { done, place: undefined, reason: undefined };
    this.#preparation = preparation;
    done.then(
      (place) => {
        preparation.place = place;
        stages.ready();
      },
      (error) => {
        preparation.reason = messageOf(error);
      },
    );
    return preparation;
  }

  async #decodeHere(
    image: Embedding,
    prompt: PredictPrompt,
    preparation: Preparation,
    wanted: Wanted,
    signal: AbortSignal | undefined,
  ): Promise<Prediction['masks']> {
    try {
      return await this.#local.decode(image, prompt, wanted, signal);
    } catch (error) {
      // The next prompt starts another decoder. One that has another image by now is not to blame.
      if (error instanceof DecoderFailure && preparation === this.#preparation) this.close();
      throw error;
    }
  }

  #here(place: Place): Decision {
    const { setback } = this.#local;
    return { place, ...(setback && { fallback: setback }) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
