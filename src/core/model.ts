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
