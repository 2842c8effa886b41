import type { ImageSize } from '../../core/image.js';
import type { Drawing } from '../../core/ports.js';
import type { Box } from '../../core/prompt.js';
import type { DetectorInput } from '../../image/owl/preprocess.js';
import type { StretchedInput } from '../../image/resize/stretch.js';
import type { Outcome } from '../jobs/outcome.js';

/** What the process for images is asked; the first part that comes with it is the image's file. */
export type Question =
  /** Its pixels in the size that a model takes. */
  | {
      readonly kind: 'prepare';
      readonly maxPixels: number;
      /** Of the model's square, in pixels. */
      readonly side: number;
      readonly crop?: Box;
    }
  /** The same in floats, for a model whose images are stretched. */
  | {
      readonly kind: 'stretch';
      readonly maxPixels: number;
      readonly input: StretchedInput;
      readonly crop?: Box;
    }
  /** The picture that a detector takes, in floats. */
  | { readonly kind: 'detect'; readonly maxPixels: number; readonly input: DetectorInput }
  /** Pictures made of it; the other parts are the masks, as COCO's compressed strings. */
  | (Drawing & { readonly maxPixels: number });

/** What the process says: first that it is there, then what each question comes to, with pixels or pictures as parts. */
export type Reply =
  | { readonly ready: true }
  | Outcome<Answer>
  /** What nobody foresaw. */
  | { readonly failed: string };

export interface Answer {
  /** Of the upright image, or its crop. */
  readonly image: ImageSize;
  /** Of the pixels that come with it, if some do. */
  readonly pixels?: ImageSize;
  readonly decode_ms: number;
  /** Of the image, in sentences for people, if it is asked for its pixels. */
  readonly warnings?: readonly string[];
}
