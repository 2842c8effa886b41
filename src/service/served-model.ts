import type { Caller } from '../core/caller.js';
import type { Provider } from '../core/device.js';
import { type EverythingParameters, everythingDefaults } from '../core/everything.js';
import {
  FAMILY_TRAITS,
  type Family,
  type PromptLayout,
  type Resize,
} from '../core/family/family.js';
import type { DecoderSignatures } from '../core/family/graph-signature.js';
import {
  familyOf,
  frameOf,
  type ModelManifest,
  type PrecisionChoice,
  weightFiles,
} from '../core/family/model.js';
import type { ImageFile } from '../core/image.js';
import { onceEach } from '../core/once-each.js';
import type { Timings } from '../core/ports.js';
import type { Embedded, Embeddings } from './embeddings.js';
import { type ImageFeatures, needed } from './text/image-features.js';

/** Where a model's two networks run. */
export interface Providers {
  /** Or `queue`, where encode workers have it. */
  readonly encoder: Provider | 'queue';
  /** Of the encoder, as far as it is known here. */
  readonly precision: PrecisionChoice;
  readonly decoder: Provider;
}

/** A model as `/models` shows it. */
export interface ModelInfo {
  readonly name: string;
  readonly title: string;
  readonly license: string;
  readonly source: string;
  readonly architecture: string;
  readonly image_size: number;
  readonly fingerprint: string;
  /** Of the process, by which it grew as the model was loaded; 0 while it is not. */
  readonly memory_bytes: number;
  readonly encoder: {
    readonly provider: string;
    readonly precision: PrecisionChoice;
    readonly sha256: string;
  };
  readonly decoder: { readonly provider: string; readonly sha256: string };
  readonly family: Family;
  /** What a client has to know that decodes by itself. */
  readonly resize: Resize;
  readonly prompt: PromptLayout;
  readonly graphs: DecoderSignatures;
  /** At which logits that are handed out are cut off, both ways, if they are. */
  readonly logits_limit?: number;
  /** Everything mode's defaults. */
  readonly everything: EverythingParameters;
}

/** What tells its embeddings from others. */
export interface EncoderIdentity {
  readonly fingerprint: string;
  readonly precision: PrecisionChoice;
}

/** A model with its embeddings, which is loaded at start or when it is first needed. */
export class ServedModel {
  readonly name: string;
  readonly embeddings: Embeddings;
  /** By which things are found in its images by text, where there is a model for that. */
  readonly features: ImageFeatures | undefined;
  /** Its defaults in everything mode. */
  readonly everything: EverythingParameters;
  readonly #graphs: DecoderSignatures;
  readonly #manifest: ModelManifest;
  readonly #identity: EncoderIdentity;
  readonly #load: () => Promise<Providers>;
  #loaded: { readonly providers: Providers; readonly memory: number } | undefined;

  /** @param graphs of its decoder. @param load loads the networks in all workers. */
  constructor(
    manifest: ModelManifest,
    identity: EncoderIdentity,
    graphs: DecoderSignatures,
    embeddings: Embeddings,
    load: () => Promise<Providers>,
    features?: ImageFeatures,
  ) {
    this.name = manifest.name;
    this.embeddings = embeddings;
    this.#manifest = manifest;
    this.#identity = identity;
    this.#load = load;
    this.#graphs = graphs;
    this.everything = everythingDefaults(familyOf(manifest.architecture));
    this.features = features;
  }

  /** Loads the networks unless they are, or waits for it; what fails is tried again by the next. */
  readonly load = onceEach<void, void>(() => this.#loadOnce());

  /**
   * As `Embeddings.embed`, by networks that are loaded first.
   * @param text whether things will be looked for in it by text.
   */
  async embed(file: ImageFile, caller: Caller, text = false): Promise<Embedded> {
    if (text) needed(this.features);
    await this.load();
    const embedded = await this.embeddings.embed(file, caller);
    if (!text && !this.features?.always) return embedded;
    const made = await this.features?.make(file, caller);
    return { ...embedded, timings: { ...embedded.timings, ...detecting(made) } };
  }

  /** As `Embeddings.drop`, with all that is kept under the id. */
  async drop(id: string, caller: Caller): Promise<void> {
    try {
      await this.embeddings.drop(id, caller);
    } finally {
      await this.features?.drop(id, caller);
    }
  }

  describe(): ModelInfo {
    const { name, title, license, source, architecture, image_size } = this.#manifest;
    const { encoder, decoder } = weightFiles(this.#manifest);
    const { fingerprint, precision } = this.#identity;
    const { providers, memory = 0 } = this.#loaded ?? {};
    const family = familyOf(architecture);
    const { prompt, logitsLimit } = FAMILY_TRAITS[family];
    return {
      ...{ name, title, license, source, architecture, image_size },
      fingerprint,
      memory_bytes: memory,
      encoder: {
        provider: providers?.encoder ?? 'not loaded',
        precision: providers?.precision ?? precision,
        sha256: encoder.sha256,
      },
      decoder: { provider: providers?.decoder ?? 'not loaded', sha256: decoder.sha256 },
      ...{ family, prompt },
      resize: frameOf(this.#manifest).resize,
      ...(logitsLimit !== undefined && { logits_limit: logitsLimit }),
      graphs: this.#graphs,
      everything: this.everything,
    };
  }

  async #loadOnce(): Promise<void> {
    const before = process.memoryUsage.rss();
    const providers = await this.#load();
    const memory = Math.max(0, process.memoryUsage.rss() - before);
    this.#loaded = { providers, memory };
  }
}

/** Of the two decodings of an image, the embedding's is told. */
function detecting(made: Embedded | undefined): Timings {
  const { detect_ms } = made?.timings ?? {};
  return detect_ms === undefined ? {} : { detect_ms };
}
