import { onceEach } from '../../../src/core/once-each.js';
import type { Embedding, ImageSource } from './embedding.js';
import type { EverythingError, EverythingEvent } from './everything.js';
import { cachedFile } from './http/cached-file.js';
import { download } from './http/download.js';
import { asBlob, sha256 } from './http/image-file.js';
import { linesOf } from './http/lines.js';
import { sendFile, sendUrl } from './http/send-image.js';
import { jsonRequest, Service } from './http/service.js';
import { canWatchUploads } from './http/upload.js';
import type {
  DecodeRequest,
  DecodeResponse,
  EmbeddingInfo,
  EverythingFields,
  ModelList,
  PromptRequest,
} from './openapi.js';
import { SamProblem } from './problem.js';
import type { OnBytes, OnProgress } from './progress.js';
import { Stages } from './stages.js';

export interface ClientOptions {
  /** Of the service; in a page where the page came from by default. */
  readonly url?: string | URL;
  /** Sent as `Authorization: Bearer`; a function is asked before each request. */
  readonly apiKey?: string | (() => string | undefined);
  /** In place of the global one. Uploads then tell no progress. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** How often a busy service (503) is asked again, when it says; 3 by default. */
  readonly retries?: number;
  /** Milliseconds; one that wants to be left alone for longer is not asked again. 30 s by default. */
  readonly longestWait?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface EmbedOptions extends CallOptions {
  /** One of `models`, the first of them by default. */
  readonly model?: string | undefined;
  /** Whether things are to be found in it by `text`, where the service has a `textModel`: this takes as long again. */
  readonly text?: boolean | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface DownloadOptions extends CallOptions {
  readonly onBytes?: OnBytes | undefined;
}

/** The parts of the decoder that `decoderGraph` fetches. */
export type GraphPart = 'context' | 'decoder' | 'decoder-with-mask';

const GRAPH_FILES: Record<GraphPart, string> = {
  context: 'context.onnx',
  decoder: 'decoder.onnx',
  'decoder-with-mask': 'decoder.onnx?mask_input=1',
};

/** The service's requests, one method each. All throw `SamProblem`, the signal's reason, or what `fetch` throws. */
export class SamClient {
  readonly #service: Service;
  readonly #watchUploads: boolean;
  readonly #served = onceEach((_: undefined) => this.models());

  /** @throws TypeError outside of a page, where there is no `url` */
  constructor(options: ClientOptions = {}) {
    const page = globalThis.document?.baseURI;
    const url = options.url ?? (page && new URL('.', page));
    if (!url) throw new TypeError('url is needed outside of a page');
    this.#service = new Service({
      url,
      apiKey: options.apiKey,
      // Called as a method of something else, the browser's refuses.
      fetch: options.fetch ?? ((url, init) => fetch(url, init)),
      retries: options.retries ?? 3,
      longestWait: options.longestWait ?? 30_000,
    });
    this.#watchUploads = canWatchUploads && !options.fetch;
  }

  /** Embeds an image. A file that the service knows by its hash is not sent. */
  async embed(image: ImageSource, options: EmbedOptions = {}): Promise<Embedding> {
    const stages = new Stages(options.onProgress);
    const embedding = await this.#embed(image, options, stages);
    stages.ready();
    return embedding;
  }

  /** What is known of an embedding; nothing where there is none. */
  async find(embedding_id: string, { signal }: CallOptions = {}): Promise<Embedding | undefined> {
    const path = `/embeddings/${encodeURIComponent(embedding_id)}`;
    try {
      await this.#service.request(path, jsonRequest('HEAD', undefined, signal));
      const about = await this.#json<EmbeddingInfo>('GET', path, signal);
      const { model, width, height, tensors } = about;
      const text = tensors['class_embeds'] !== undefined;
      const cached = { uploaded: false, timings: {}, warnings: [] };
      return { embedding_id, model, width, height, text, ...cached };
    } catch (error) {
      if (error instanceof SamProblem && [404, 409].includes(error.status)) return undefined;
      throw error;
    }
  }

  /** Answers prompts about an embedding, in any format. */
  decode(request: DecodeRequest, { signal }: CallOptions = {}): Promise<DecodeResponse> {
    return this.#json('POST', '/decode', signal, request);
  }

  /** Image and prompts in one call. */
  async segment(
    image: ImageSource,
    request: PromptRequest,
    { signal, model }: Omit<EmbedOptions, 'onProgress' | 'text'> = {},
  ): Promise<DecodeResponse> {
    const path = model === undefined ? '/segment' : `/segment?model=${encodeURIComponent(model)}`;
    if (image instanceof URL) {
      return this.#json('POST', path, signal, { image: { url: image.href }, ...request });
    }
    const body = new FormData();
    body.set('image', asBlob(image));
    for (const [name, value] of Object.entries(request)) body.set(name, JSON.stringify(value));
    const init = { ...jsonRequest('POST', undefined, signal), body };
    return (await this.#service.request(path, init)).json() as Promise<DecodeResponse>;
  }

  /** Finds all objects of an embedded image: events as they happen. Leaving the loop ends the service's work. */
  async *everything(
    { embedding_id }: Pick<Embedding, 'embedding_id'>,
    fields: EverythingFields = {},
    { signal }: CallOptions = {},
  ): AsyncGenerator<EverythingEvent, void> {
    const request = { embedding_id, ...fields };
    const init = jsonRequest('POST', request, signal, 'application/x-ndjson');
    const { body } = await this.#service.request('/everything', init);
    let done = false;
    for await (const line of linesOf(body as ReadableStream<Uint8Array>)) {
      const event = JSON.parse(line) as EverythingEvent | EverythingError;
      if (event.type === 'error') throw new SamProblem(event.problem);
      done ||= event.type === 'done';
      yield event;
    }
    if (!done) throw new TypeError('the answer broke off before its end');
  }

  /** Drops an embedding from the service's cache. */
  async drop(embedding_id: string, { signal }: CallOptions = {}): Promise<void> {
    const path = `/embeddings/${encodeURIComponent(embedding_id)}`;
    await this.#service.request(path, jsonRequest('DELETE', undefined, signal));
  }

  /** What finds things by `text` and `exemplar`; nothing where the service has no such model. */
  async textModel({ signal }: CallOptions = {}): Promise<ModelList['text']> {
    return (await this.#json<ModelList>('GET', '/models', signal)).text;
  }

  /** The models served, the default first. */
  async models({ signal }: CallOptions = {}): Promise<ModelList['models']> {
    return (await this.#json<ModelList>('GET', '/models', signal)).models;
  }

  /** What `/models` says of one of them. @throws Error where it is not served */
  async model(name: string): Promise<ModelList['models'][number]> {
    const model = (await this.#served(undefined)).find((served) => served.name === name);
    if (!model) throw new Error(`the service has no model ${name}`);
    return model;
  }

  /**
   * The tensors of an embedding, one after the other, as the bits of float16: [1,256,64,64], and of a SAM 2 two more, as
   * `graphs.context` of the model says.
   */
  async embeddingTensor(
    embedding_id: string,
    { signal, onBytes }: DownloadOptions = {},
  ): Promise<Uint16Array<ArrayBuffer>> {
    const path = `/embeddings/${encodeURIComponent(embedding_id)}?dtype=float16`;
    const init = jsonRequest('GET', undefined, signal, 'application/octet-stream');
    const bytes = await download(await this.#service.request(path, init), onBytes);
    return new Uint16Array(bytes.buffer);
  }

  /** A part of a model's decoder as an ONNX file, from the Cache API where the service has no other. */
  decoderGraph(
    model: string,
    part: GraphPart,
    { signal, onBytes }: DownloadOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const path = `/models/${encodeURIComponent(model)}/${GRAPH_FILES[part]}`;
    return cachedFile(this.#service, path, signal, onBytes);
  }

  /** The name of the model that is used where none is asked for. */
  async defaultModel(): Promise<string> {
    const [first] = await this.#served(undefined);
    if (!first) throw new Error('the service has no models');
    return first.name;
  }

  async #embed(
    image: ImageSource,
    { model, text = false, signal }: EmbedOptions,
    stages: Stages,
  ): Promise<Embedding> {
    const options = { model, text, signal, watch: this.#watchUploads, stages };
    if (image instanceof URL) return sendUrl(this.#service, image, options);
    stages.begin('hash');
    const file = asBlob(image);
    const hash = await sha256(file);
    signal?.throwIfAborted();
    const known =
      hash && (await this.find(`${model ?? (await this.defaultModel())}:${hash}`, { signal }));
    if (known && (known.text || !text)) return known;
    return sendFile(this.#service, file, options);
  }

  #json<T>(
    method: string,
    path: string,
    signal: AbortSignal | undefined,
    body?: unknown,
  ): Promise<T> {
    return this.#service.json(method, path, body, signal);
  }
}
