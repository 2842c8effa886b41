import type { Embedding } from './embedding.js';
import type { EverythingEvent } from './everything.js';
import type {
  DecodeRequest,
  DecodeResponse,
  EverythingFields,
  ModelList,
  PromptRequest,
} from './openapi.js';
import type { OnProgress } from './progress.js';

export interface ClientOptions {
  /** Of the service; in a page that of the page by default. */
  readonly url?: string | URL;
  /** Sent as `Authorization: Bearer`; a function is asked before each request. */
  readonly apiKey?: string | (() => string | undefined);
  /** In place of the global one. Uploads then tell no progress. */
  readonly fetch?: typeof fetch;
  /** How often a busy service (503) is asked again, at the time it says; 3 by default. */
  readonly retries?: number;
  /** The longest it is waited for in milliseconds, whatever it says; 30 s by default. */
  readonly longestWait?: number;
}

/** An image file, or where the service is to fetch it. */
export type ImageSource = Blob | Uint8Array<ArrayBuffer> | URL;

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface EmbedOptions extends CallOptions {
  /** One of `models`, the first of them by default. */
  readonly model?: string;
  readonly onProgress?: OnProgress;
}

/** The service's requests, one method each. They throw `SamProblem`, or what `fetch` throws. */
export declare class SamClient {
  constructor(options?: ClientOptions);
  /** Embeds an image. A file that the service knows by its hash is not sent. */
  embed(image: ImageSource, options?: EmbedOptions): Promise<Embedding>;
  /** Answers prompts about an embedding, in any format. */
  decode(request: DecodeRequest, options?: CallOptions): Promise<DecodeResponse>;
  /** Image and prompts in one call. */
  segment(
    image: ImageSource,
    request: PromptRequest,
    options?: CallOptions & { readonly model?: string },
  ): Promise<DecodeResponse>;
  /** Finds all objects of an embedded image: events as they happen. Leaving the loop stops the work. */
  everything(
    image: string | Pick<Embedding, 'embedding_id'>,
    fields?: EverythingFields,
    options?: CallOptions,
  ): AsyncGenerator<EverythingEvent, void>;
  /** Drops an embedding from the service's cache. */
  drop(embedding_id: string, options?: CallOptions): Promise<void>;
  models(options?: CallOptions): Promise<ModelList['models']>;
}
