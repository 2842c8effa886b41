import sharp from 'sharp';
import type { RgbImage } from '../../core/image.js';
import type { Box } from '../../core/prompt.js';
import { cropImage } from '../crop.js';

const QUALITY = 80;

/**
 * A part of an image as a small JPEG, for a report.
 * @param box x1, y1, x2, y2: whole pixels, the last two not included. @param side of the picture at most, in pixels.
 */
export function excerpt(image: RgbImage, box: Box, side: number): Promise<Buffer> {
  const { width, height, data } = cropImage(image, box);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: QUALITY })
    .toBuffer();
}
