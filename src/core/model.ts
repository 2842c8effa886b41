import { createHash } from 'node:crypto';
import type { Dtype } from './tensor.js';

/** A file of a model and the hash it must have. */
export interface ModelFile {
  /** A path beside the manifest, or `package:path` for a file inside an npm package. */
  readonly file: string;
  readonly sha256: string;
}

/** What `models/<name>.json` says of a model. */
export interface ModelManifest {
  readonly name: string;
  readonly title: string;
  readonly license: string;
  readonly source: string;
  readonly architecture: string;
  /** Side of the square the encoder sees, in pixels. */
  readonly image_size: number;
  /** Normalisation on 0..255 RGB: (value - mean) / std. */
  readonly pixel_mean: readonly [r: number, g: number, b: number];
  readonly pixel_std: readonly [r: number, g: number, b: number];
  readonly encoder: ModelFile;
  readonly decoder: ModelFile;
}

/** To be raised whenever the way from bytes to model input changes its result. */
const PREPROCESSING_VERSION = 1;

/** Stands for everything that shapes an embedding: another model file or preprocessing, another fingerprint. */
export function fingerprintOf(manifest: ModelManifest, dtype: Dtype): string {
  const { encoder, image_size, pixel_mean, pixel_std } = manifest;
  const made = [PREPROCESSING_VERSION, encoder.sha256, image_size, pixel_mean, pixel_std, dtype];
  return createHash('sha256').update(JSON.stringify(made)).digest('hex');
}
