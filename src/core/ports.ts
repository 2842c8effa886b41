import type { Readable } from 'node:stream';
import type { Caller } from './caller.js';
import type { Embedding, EmbeddingPart, TensorSet } from './embedding.js';
import type { ImageSize } from './image.js';
import type { FoundMask, Georeference, MaskFormat, UncutMask } from './mask.js';
import type { MaskName } from './masks/mask-name.js';
import type { MaskShape } from './masks/mask-shape.js';
import type { Box, Prompt } from './prompt.js';
import type { Dtype, Tensor } from './tensors/tensor.js';

/** Milliseconds by step. */
export type Timings = Readonly<Record<string, number>>;

/** An image after the encode lane: its embedding's tensors and what making them took. */
export interface Encoded {
  readonly image: ImageSize;
  readonly tensors: TensorSet;
  readonly timings: Timings;
  /** What looks wrong with the image, in sentences for people. */
  readonly warnings?: readonly string[];
}

/** A mask to be drawn: COCO's compressed string, and the pixels inside. */
export interface DrawnMask {
  readonly counts: string;
  readonly area: number;
}

/** What is to be made of a photograph and masks. */
export type Drawing =
  /** One picture: the photograph with the masks drawn on it, and the prompts that asked for them. */
  | { readonly kind: 'overlay'; readonly prompts: readonly Prompt[] }
  /** For each mask its object on transparent ground, in the photograph's size. */
  | { readonly kind: 'cutOut' };

export type PictureTask = Drawing & {
  readonly image: Uint8Array;
  readonly masks: readonly DrawnMask[];
};

/** A part of a photograph to be embedded. */
export interface CropTask {
  readonly image: Uint8Array;
  readonly crop: Box;
}

/** Work that waits its turn. */
interface Awaited {
  /** Seconds after which there should be room, judged by the queue's recent pace. */
  readonly retryAfter: number;
}

/** Makes pictures of photographs. */
export interface PictureMaker extends Awaited {
  /**
   * @param bytes that decoding the photograph takes: booked while it is done.
   * @returns PNG files, all of which are held until the last is made.
   * @throws SamError `image-unreadable`, `image-too-large`, `overloaded`, `queue-timeout`, `inference-timeout`
   */
  draw(task: PictureTask, caller?: Caller, bytes?: number): Promise<readonly Uint8Array[]>;
}

/**
 * The lane that looks at images. Its calls throw `overloaded` when its queue is full, `queue-timeout` and
 * `inference-timeout` when it takes too long.
 */
export interface ImageLane extends Awaited {
  /**
   * @param bytes that decoding takes: booked while it is done.
   * @throws SamError `image-unreadable`, `image-too-large`
   */
  encode(image: Uint8Array, caller?: Caller, bytes?: number): Promise<Encoded>;
  /** The embedding of a part of an image; it waits until no other work does. */
  encodeCrop(task: CropTask, caller: Caller, bytes?: number): Promise<Encoded>;
}

/** How the masks of a request are to be written. */
export interface MaskOptions {
  readonly format: MaskFormat;
  /** Islands and holes of fewer pixels are removed; 0 keeps all. */
  readonly minArea: number;
  /** How far outlines may be off, in pixels; 0 is exact. */
  readonly simplify: number;
  readonly georeference: Georeference;
  /** Whether masks come with their `low_res_logits`. */
  readonly returnLogits: boolean;
  readonly logitsDtype: Dtype;
  /** Whether logits are kept and masks come with a token that stands for them. */
  readonly keepLogits: boolean;
}

/** Prompts that the decoder can run as one batch. */
export interface DecodeTask {
  readonly embedding: Embedding;
  /** The `batchKey` of them all: tasks of one image with the same can run together. */
  readonly batch: string;
  /** Whether each has `AMBIGUOUS_MASKS` for an answer, or one. */
  readonly multimask: boolean;
  /** Each with its place in the request, which errors name. */
  readonly prompts: readonly { readonly index: number; readonly prompt: Prompt }[];
  readonly options: MaskOptions;
}

export interface Decoded {
  /** For each prompt its masks, best predicted IoU first; those that are too many for one task are not cut yet. */
  readonly results: readonly (readonly (FoundMask | UncutMask)[])[];
  readonly timings: Timings;
}

/** Masks that are to be brought to their image's size. */
export interface CutTask {
  readonly model: string;
  readonly image: ImageSize;
  readonly masks: readonly UncutMask[];
  readonly options: MaskOptions;
}

/** A mask that is to be written as it goes into the answer. */
export interface WriteTask {
  readonly mask: FoundMask;
  readonly image: ImageSize;
  readonly options: MaskOptions;
  readonly shape: MaskShape;
  readonly name?: MaskName | undefined;
  /** The place of its prompt. */
  readonly prompt: number;
}

/** A graph that a client needs to decode by itself: once an image, or for prompts without or with a `mask_input`. */
export interface DecoderGraph {
  readonly model: string;
  readonly part: 'context' | 'decoder' | 'decoder-with-mask';
}

/** The lane that answers prompts. */
export interface PromptLane {
  /**
   * Results in the order of the tasks. All tasks are admitted, or none.
   * @throws SamError `overloaded` when the queue cannot take them, `prompt-invalid` for a bad `mask_input`,
   *   `queue-timeout`, `inference-timeout`
   */
  decode(tasks: readonly DecodeTask[], caller?: Caller): Promise<Decoded[]>;
  /** The first of the masks at the size of their image: as many as are done in little time, one at least. */
  cut(task: CutTask, caller: Caller): Promise<readonly FoundMask[]>;
  /** A mask as text or as a file. */
  write(task: WriteTask, caller: Caller): Promise<Uint8Array>;
  /**
   * One of the decoder's graphs as an ONNX file.
   * @throws SamError `overloaded`
   */
  graph(graph: DecoderGraph): Promise<Uint8Array>;
}

/** Where an embedding was kept. */
export type Tier = 'memory' | 'disk' | 'shared';

/** What an embedding is kept under: its id, what stands for all that shaped its tensors, and whose it is. */
export interface EmbeddingKey {
  readonly id: string;
  readonly fingerprint: string;
  /** The name of the key that alone may know of it; without one it is everybody's. */
  readonly owner?: string;
  readonly part?: EmbeddingPart;
}

/** Embeddings by key. Asynchronous, because there are tiers beyond this process's memory. */
export interface EmbeddingStore {
  get(key: EmbeddingKey): Promise<{ embedding: Embedding; tier: Tier } | undefined>;
  set(key: EmbeddingKey, embedding: Embedding): Promise<void>;
  /**
   * Whether there was one to drop. Whatever is answered or thrown, this store does not find it any more.
   * @throws SamError `not-deleted` when it stays where others, or this process once restarted, may find it
   */
  delete(key: EmbeddingKey): Promise<boolean>;
  /** Whether its owner has this id under another fingerprint: made in another precision, or by another version. */
  hasOther(key: EmbeddingKey): Promise<boolean>;
}

/** Logits that clients may refer to by token. */
export interface LogitsKeeper {
  /**
   * @param client whose share of the bytes it counts to. @param owner who alone can find it; without one it is everybody's.
   * @returns a token nobody can guess.
   */
  keep(logits: Tensor, client: string, owner?: string): string | Promise<string>;
  find(token: string, owner?: string): Tensor | undefined | Promise<Tensor | undefined>;
}

/** Counts the requests of clients against a limit. */
export interface RateCounter {
  /** At most so many a minute. */
  readonly max: number;
  /** Counts a request. @returns the milliseconds its client has to wait, where it is one too many */
  count(client: string): number | undefined | Promise<number | undefined>;
}

/** Images that lie elsewhere. */
export interface RemoteImages {
  /**
   * Hands the bytes at a URL to `receive` as they come.
   * @throws SamError `source-not-allowed`, `source-unavailable`, and what `receive` throws
   */
  read<T>(url: string, receive: (body: Readable) => Promise<T>, signal?: AbortSignal): Promise<T>;
}
