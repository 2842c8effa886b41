import { neededChunks } from '../../core/bytes/png-chunks.js';
import { sniffFormat } from '../format.js';
import { checkBoxes } from './avif.js';
import { neededSegments } from './jpeg.js';
import { firstFrame } from './webp.js';

/**
 * What of an image file its pixels and their orientation come from, in a file of the same kind. The libraries that
 * decode take whatever else there is as seriously: it is left out or counted here, in one pass over the bytes.
 * @throws SamError `image-unreadable` when decoding would take more than any honest file needs
 */
export function neededParts(file: Uint8Array): Uint8Array {
  switch (sniffFormat(file)) {
    case 'jpeg':
      return neededSegments(file);
    case 'png':
      return neededChunks(file);
    case 'webp':
      return firstFrame(file);
    case 'avif':
      checkBoxes(file);
      return file;
    default:
      return file;
  }
}
