import type { DecodedMask } from 'sam-split-client';
import type { ImageSize } from '../../src/core/image.js';

/** An object as it is exported: what is shown of it. */
export interface Exported {
  readonly name: string;
  readonly colour: string;
  readonly mask: DecodedMask;
}

/** Where it is from. */
export interface Origin extends ImageSize {
  readonly name: string;
  readonly bitmap: ImageBitmap;
}

/** A file to be kept. */
export interface ExportFile {
  readonly name: string;
  readonly blob: Blob;
}

/** What is said of a mask beside its pixels. */
export function scoresOf({ mask }: Exported) {
  const { predicted_iou, stability_score, bbox, area } = mask;
  return { predicted_iou, stability_score, bbox, area };
}

export function jsonFile(name: string, content: unknown, type = 'application/json'): ExportFile {
  return { name, blob: new Blob([JSON.stringify(content)], { type }) };
}

/** A name of a file without what its type adds, fit for any file system. */
export function stem(name: string): string {
  const base = name.replace(/\.[a-z0-9]{1,5}$/i, '');
  return base.replaceAll(/[^\p{L}\p{N}_-]+/gu, '-').replaceAll(/^-+|-+$/g, '') || 'image';
}
