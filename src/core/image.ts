/** An image file as a client sent it. */
export interface ImageFile {
  readonly image: Uint8Array;
  /** Of `image`, in lower-case hex. */
  readonly sha256: string;
}

/** The size of an image in pixels, after EXIF orientation. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Interleaved 8-bit RGB, row by row: `data.length === width * height * 3`. */
export interface RgbImage extends ImageSize {
  readonly data: Uint8Array;
}

/** Interleaved 8-bit RGB and opacity, row by row: `data.length === width * height * 4`. */
export interface RgbaImage extends ImageSize {
  readonly data: Uint8Array;
}

/** Either of them. */
export interface Pixels extends ImageSize {
  readonly channels: 3 | 4;
  readonly data: Uint8Array;
}

/** An image as a network takes it: its pixels in the model's size, or floats [3,S,S] that were made of them. */
export type ModelInput = RgbImage | Float32Array<ArrayBuffer>;

/**
 * The size an image takes inside the model's square input: its longest side becomes `imageSize`.
 * Rounding is that of segment-anything's `ResizeLongestSide.get_preprocess_shape`.
 */
export function preprocessShape({ width, height }: ImageSize, imageSize: number): ImageSize {
  const scale = imageSize / Math.max(width, height);
  // A sliver keeps at least one row: the reference fails on such images, a service must not.
  const side = (length: number) => Math.max(1, Math.floor(length * scale + 0.5));
  return { width: side(width), height: side(height) };
}
