import { Type } from 'typebox';
import { DETECTION_DEFAULTS } from '../../core/find/detection.js';
import type { Box } from '../../core/prompt.js';
import { EXAMPLE_BOX } from './example.js';
import { strict } from './schema.js';

export function BoxOf(description: string) {
  const corners = { minItems: 4, maxItems: 4, description, examples: [EXAMPLE_BOX] };
  return Type.Unsafe<Box>(Type.Array(Type.Number(), corners));
}

/** What a prompt may ask for without saying where it is. */
export const SEARCH_FIELDS = {
  text: Type.Optional(
    Type.Unsafe<string | string[]>({
      anyOf: [Type.String(), Type.Array(Type.String(), { minItems: 1 })],
      description:
        'What is to be found, in words: noun phrases such as "a wheel". Each phrase has a result of its own, with a mask ' +
        'for every object that answers it. Points and a box beside it choose among them: objects whose box has the points ' +
        'labelled 1 and none labelled 0, and some of the box. Needs an image that was embedded with `text=true`, or that ' +
        'comes along.',
      examples: ['a wheel'],
    }),
  ),
  exemplar: Type.Optional(
    Type.Object(
      {
        box: BoxOf(
          'A box [x1, y1, x2, y2] around the example, in pixels of its image; `clip` cuts it to that.',
        ),
        embedding_id: Type.Optional(
          Type.String({ description: 'Of its image, where that is another one.' }),
        ),
      },
      {
        ...strict,
        description:
          'An object of which more is to be found, in place of `text`. Scores run higher than for words: a `text_threshold` of ' +
          '0.6 to 0.9 is usual.',
      },
    ),
  ),
};

const SHARE = { minimum: 0, maximum: 1 };

/** How it is looked for. */
export const FIND_FIELDS = {
  text_threshold: Type.Optional(
    Type.Number({
      ...SHARE,
      default: DETECTION_DEFAULTS.threshold,
      description: 'For `text` and `exemplar`: an object is answered if its `text_score` is above.',
    }),
  ),
  text_nms_thresh: Type.Optional(
    Type.Number({
      ...SHARE,
      default: DETECTION_DEFAULTS.nms,
      description:
        'For `text` and `exemplar`: of two objects of one prompt whose boxes have a larger IoU, the one of lower score goes.',
    }),
  ),
  max_detections: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: DETECTION_DEFAULTS.most,
      description: 'For `text` and `exemplar`: so many objects at most for each prompt, the best.',
    }),
  ),
  templates: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        "For `text`: puts each phrase into CLIP's seven templates (`a photo of the large {}.`) and looks for their mean.",
    }),
  ),
};
