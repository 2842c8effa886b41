import { computed, signal } from '@preact/signals';
import {
  type Embedding,
  type OnProgress,
  type Place,
  type Prediction,
  type PredictOptions,
  Predictor,
  type PredictorOptions,
  type PredictPrompt,
} from 'sam-split-client';
import { Deferred } from './deferred.js';
import { client, model } from './service.js';

/** Where the user wants prompts decoded. */
export type Wish = 'auto' | 'webgpu' | 'wasm' | 'server';

export const wish = signal<Wish>('auto');

/** Where the next prompt will be decoded, as far as is known, and why not here. */
export const place = signal<Place | undefined>(undefined);
export const fallback = signal<string | undefined>(undefined);

/** Of the last prompt, from the question to its masks. */
export const lastMs = signal<number | undefined>(undefined);

export const embedding = signal<Embedding | undefined>(undefined);
export const ready = computed(() => embedding.value !== undefined);

/** Files of the client's worker, put beside this script by the build. */
declare const CLIENT_ASSETS: string;
const assets = new URL(CLIENT_ASSETS, import.meta.url);

let predictor: Predictor | undefined;
/** Settles when there is an image to ask about. */
let image = new Deferred<Embedding>();
let runtime: PredictorOptions['runtime'] = 'auto';

/** Embeds an image, and prepares decoding. */
export async function setImage(
  source: Blob | URL | Embedding,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  forgetImage();
  const current = usePredictor();
  const embedded = await current.setImage(source, { onProgress, signal });
  embedding.value = embedded;
  image.resolve(embedded);
  void learnPlace();
}

export function forgetImage(): void {
  embedding.value = undefined;
  place.value = undefined;
  fallback.value = undefined;
  lastMs.value = undefined;
  image.reject(new DOMException('another image was opened', 'AbortError'));
  image = new Deferred();
}

/** Decodes elsewhere from now on. */
export async function decodeAt(where: Wish, onProgress: OnProgress): Promise<void> {
  wish.value = where;
  const current = embedding.value;
  const needed = where === 'server' ? runtime : where;
  if (predictor && needed === runtime) {
    predictor.decode = where === 'server' ? 'server' : 'auto';
    return learnPlace();
  }
  runtime = needed;
  if (current) await setImage(current, onProgress, new AbortController().signal);
}

/** The image, as soon as there is one to ask about. */
export function imageToAsk(): Promise<Embedding> {
  return image.promise;
}

/** Answers a prompt about it, and says how that was. */
export async function predict(prompt: PredictPrompt): Promise<Prediction> {
  const prediction = await decode(prompt);
  place.value = prediction.place;
  fallback.value = prediction.fallback;
  lastMs.value = prediction.ms;
  return prediction;
}

/** Answers a prompt about it without a word: what changes with each preview would have the page laid out anew. */
export async function decode(prompt: PredictPrompt, options?: PredictOptions): Promise<Prediction> {
  await image.promise;
  return usePredictor().predict(prompt, options);
}

function usePredictor(): Predictor {
  const chosen = { runtime, model: model.value } as const;
  if (predictor && made.runtime === chosen.runtime && made.model === chosen.model) return predictor;
  void predictor?.close();
  made = chosen;
  predictor = new Predictor(client, {
    ...(chosen.model && { model: chosen.model }),
    decode: wish.value === 'server' ? 'server' : 'auto',
    runtime: chosen.runtime ?? 'auto',
    assets,
  });
  return predictor;
}

let made: { runtime?: PredictorOptions['runtime']; model?: string | undefined } = {};

async function learnPlace(): Promise<void> {
  try {
    const prepared = await predictor?.prepared();
    place.value = prepared?.place;
    fallback.value = prepared?.fallback;
  } catch {
    // The next prompt says what is wrong.
  }
}
