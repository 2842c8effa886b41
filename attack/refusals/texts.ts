import type { ErrorCode } from '../../src/core/errors.js';
import { PICTURE, variant } from '../images.js';
import type { Refusal } from './refusal.js';
import { form, type Sender } from './sender.js';

const BAD = [400, 'invalid-request'] as const;
const INVALID = [422, 'prompt-invalid'] as const;
const MANY = [413, 'too-many-prompts'] as const;
const MISSING = [404, 'embedding-not-found'] as const;

/** More than a request may have by default. */
const PHRASES = Array(10_000).fill('a wheel');
const BOX = [40, 40, 140, 140];

/** What needs a model that reads texts, of a service that has none. */
export function texts(sender: Sender): Refusal[] {
  const everything = (fields: object) =>
    sender.post('/everything', { embedding_id: sender.id, ...fields });
  return [
    ['text without a model for it', ...BAD, () => sender.decode({ text: 'a wheel' })],
    ['an exemplar without a model for it', ...BAD, () => sender.decode({ exemplar: { box: BOX } })],
    ['labels without a model for them', ...BAD, () => everything({ labels: ['a wheel'] })],
    ['proposals without a model for them', ...BAD, () => everything({ proposals: 'objectness' })],
    [
      'text with an image, without a model for it',
      ...BAD,
      () => sender.post('/segment', form([['image', PICTURE]], { text: 'a wheel' })),
    ],
    [
      'an image embedded for text, without a model for it',
      ...BAD,
      () => sender.post('/embed?text=true', PICTURE, 'image/png'),
    ],
    ['text=1', ...BAD, () => sender.post('/embed?text=1', PICTURE, 'image/png')],
    ['a threshold without text', ...BAD, () => sender.decode({ box: BOX, text_threshold: 0.5 })],
  ];
}

type Wrong = [
  name: string,
  problem: readonly [status: number, code: ErrorCode],
  fields: Record<string, unknown>,
];

const DECODE: Wrong[] = [
  ['empty text', INVALID, { text: '' }],
  ['text of blanks', INVALID, { text: ' \n\u3000' }],
  ['text of many blanks', INVALID, { text: ' '.repeat(1e6) }],
  ['an empty phrase among others', INVALID, { text: ['a', ''] }],
  ['text of no letters in templates', INVALID, { text: '!?', templates: true }],
  ['no phrases', BAD, { text: [] }],
  ['text that is a number', BAD, { text: 7 }],
  ['a phrase that is a list', BAD, { text: [['a']] }],
  ['text that is an object', BAD, { text: { phrase: 'a' } }],
  ['too many phrases', MANY, { text: PHRASES }],
  ['a text_threshold above 1', BAD, { text: 'a', text_threshold: 1.01 }],
  ['a text_threshold below 0', BAD, { text: 'a', text_threshold: -0.01 }],
  ['a text_nms_thresh above 1', BAD, { text: 'a', text_nms_thresh: 2 }],
  ['a text_nms_thresh of text', BAD, { text: 'a', text_nms_thresh: '0.5' }],
  ['no detections', BAD, { text: 'a', max_detections: 0 }],
  ['a million detections', BAD, { text: 'a', max_detections: 1e6 }],
  ['half a detection', BAD, { text: 'a', max_detections: 0.5 }],
  ['templates that are a number', BAD, { text: 'a', templates: 1 }],
  ['text beside multimask_output', BAD, { text: 'a', multimask_output: false }],
  ['text beside a mask_input', BAD, { text: 'a', mask_input: { token: 'x' } }],
  ['text beside an exemplar', BAD, { text: 'a', exemplar: { box: BOX } }],
  ['text beside on_error', BAD, { text: 'a', on_error: 'result' }],
  ['text beside a box outside', INVALID, { text: 'a', box: [0, 0, 9, 400] }],
  ['an exemplar without a box', BAD, { exemplar: {} }],
  ['an exemplar of three sides', BAD, { exemplar: { box: [0, 0, 9] } }],
  ['an exemplar that meets no box', INVALID, { exemplar: { box: [1e6, 1e6, 1e6 + 1, 1e6 + 1] } }],
  ['an inverted exemplar', INVALID, { exemplar: { box: [90, 90, 10, 10] } }],
  [
    'an exemplar in an unknown image',
    MISSING,
    { exemplar: { box: BOX, embedding_id: `mobile_sam:${'0'.repeat(64)}` } },
  ],
  ['an exemplar in no image', BAD, { exemplar: { box: BOX, embedding_id: '../x' } }],
];

const EVERYTHING: Wrong[] = [
  ['no labels', BAD, { labels: [] }],
  ['a label alone', BAD, { labels: 'a' }],
  ['an empty label', INVALID, { labels: ['a', ' '] }],
  ['too many labels', MANY, { labels: PHRASES }],
  ['other proposals', BAD, { proposals: 'edges' }],
  ['proposals beside a grid', BAD, { proposals: 'objectness', points_per_side: 4 }],
  ['proposals beside crops', BAD, { proposals: 'objectness', crop_n_layers: 1 }],
  ['a threshold without labels', BAD, { text_threshold: 0.5 }],
  ['detections without proposals', BAD, { labels: ['a'], max_detections: 5 }],
];

/**
 * What is refused by a service with a model that reads texts.
 * @param sender of an image that is embedded for text.
 */
export function searches(sender: Sender): Refusal[] {
  const decode = DECODE.map(
    ([name, problem, fields]): Refusal => [name, ...problem, () => sender.decode(fields)],
  );
  const everything = EVERYTHING.map(
    ([name, problem, fields]): Refusal => [
      name,
      ...problem,
      () => sender.post('/everything', { embedding_id: sender.id, ...fields }),
    ],
  );
  const unread = async (path: string, fields: object) => {
    const answer = await sender.post('/embed', variant('not for text'), 'image/png');
    const { embedding_id } = (await answer.json()) as { embedding_id: string };
    return sender.post(path, { embedding_id, ...fields });
  };
  return [
    ...decode,
    ...everything,
    ['text of an image not embedded for it', ...MISSING, () => unread('/decode', { text: 'a' })],
    [
      'labels of an image not embedded for text',
      ...MISSING,
      () => unread('/everything', { labels: ['a'] }),
    ],
  ];
}
