import type { Embedding } from './embedding.js';
import type { DecodeWhere, Place, Prediction, PredictPrompt } from './prediction.js';
import type { CallOptions, EmbedOptions, ImageSource, SamClient } from './sam-client.js';

export interface PredictorOptions {
  /** The model of images that are yet to be embedded. */
  readonly model?: string;
  /** `auto` by default. */
  readonly decode?: DecodeWhere;
  /** Where this package's `dist/browser/` lies for the page, with a slash at its end: beside this file by default. */
  readonly assets?: string | URL;
  /** `wasm` leaves WebGPU alone; `auto` by default. */
  readonly runtime?: 'auto' | 'webgpu' | 'wasm';
  /** Of wasm, in a page that is cross-origin isolated; its processors, at most 4, by default. */
  readonly threads?: number;
}

export interface PredictOptions extends CallOptions {
  /** false: without `low_res_logits`, which makes the server's answer smaller. */
  readonly logits?: boolean;
}

/** segment-anything's `SamPredictor`: an image is set, then asked about. */
export declare class Predictor {
  constructor(client: SamClient, options?: PredictorOptions);
  /** Where decoding is wanted. May be set at any time; the next prompt goes there. */
  decode: DecodeWhere;
  /** The image that is set. */
  readonly image: Embedding | undefined;
  /**
   * Embeds an image, or takes one that is embedded. With `decode: 'here'` it returns when prompts can be decoded
   * here; with `auto` as soon as the server can.
   */
  setImage(
    image: ImageSource | Embedding,
    options?: Omit<EmbedOptions, 'model'>,
  ): Promise<Embedding>;
  /** Where the next prompt will be decoded, once what has to be fetched for that is here. */
  prepared(options?: CallOptions): Promise<{ readonly place: Place; readonly fallback?: string }>;
  predict(prompt: PredictPrompt, options?: PredictOptions): Promise<Prediction>;
  /** Ends the worker. */
  close(): Promise<void>;
}
