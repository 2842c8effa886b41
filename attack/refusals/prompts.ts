import { MOST_POINTS, MOST_PROMPTS } from './limits.js';
import type { Refusal } from './refusal.js';
import type { Sender } from './sender.js';

const BOX = [0, 0, 9, 9];
const BAD = [400, 'invalid-request'] as const;
/** Of the right shape, but not for this image of 400x300. */
const INVALID = [422, 'prompt-invalid'] as const;
const MANY = [413, 'too-many-prompts'] as const;

type Wrong = [
  name: string,
  problem: typeof BAD | typeof INVALID | typeof MANY,
  fields: Record<string, unknown>,
];

const point = (coordinates: readonly unknown[], ...labels: readonly unknown[]) => ({
  point_coords: [coordinates],
  point_labels: labels,
});

const POINTS: Wrong[] = [
  ['no points', BAD, { point_coords: [], point_labels: [] }],
  ['points without labels', BAD, { point_coords: [[1, 2]] }],
  ['labels without points', BAD, { point_labels: [1], box: BOX }],
  ['a label too many', BAD, point([1, 2], 1, 0)],
  ['label 2', BAD, point([1, 2], 2)],
  ['label -1', BAD, point([1, 2], -1)],
  ['label true', BAD, point([1, 2], true)],
  ['a point of text', BAD, point(['1', 2], 1)],
  ['a point of booleans', BAD, point([true, 1], 1)],
  ['three coordinates', BAD, point([1, 2, 3], 1)],
  ['a point outside', INVALID, point([401, 2], 1)],
  ['a negative point', INVALID, point([-0.1, 2], 1)],
  [
    'too many points',
    MANY,
    {
      point_coords: Array(MOST_POINTS + 1).fill([1, 1]),
      point_labels: Array(MOST_POINTS + 1).fill(1),
    },
  ],
];

const BOXES: Wrong[] = [
  ['three sides', BAD, { box: [9, 9, 20] }],
  ['a box of boxes', BAD, { box: [[1, 2, 3, 4]] }],
  ['a box of nulls', BAD, { box: [null, 0, 9, 9] }],
  ['a box of text', BAD, { box: ['0', 0, 9, 9] }],
  ['an inverted box', INVALID, { box: [9, 9, 3, 20] }],
  ['an empty box', INVALID, { box: [9, 9, 9, 20] }],
  ['a box that ends outside', INVALID, { box: [9, 9, 20, 301] }],
  ['a box beside the image, clipped', INVALID, { box: [400, 0, 500, 100], clip: true }],
];

const logits = (count: number, bad = 0) => ({
  dtype: 'float32',
  data: Buffer.from(new Float32Array(count).fill(bad, 100, 101).buffer).toString('base64'),
});
/** Run lengths of a mask with nothing inside. */
const nothing = { size: [300, 400], counts: [300 * 400] };

const MASK_INPUTS: Wrong[] = [
  ['short logits', INVALID, { mask_input: logits(255 * 256) }],
  ['long logits', INVALID, { mask_input: logits(257 * 256) }],
  ['logits that are not finite', INVALID, { mask_input: logits(256 * 256, Number.NaN) }],
  ['logits of another type', BAD, { mask_input: { dtype: 'int8', data: '' } }],
  ['a data URI that holds no PNG', INVALID, { mask_input: { png: 'data:image/png;base64,AAAA' } }],
  ['a mask with nothing inside', INVALID, { mask_input: nothing }],
  ['a mask of another size', INVALID, { mask_input: { ...nothing, size: [400, 300] } }],
];

const WHOLES: Wrong[] = [
  ['no prompt', BAD, {}],
  ['no prompts', BAD, { prompts: [] }],
  ['an empty prompt', BAD, { prompts: [{}] }],
  ['an unknown field', BAD, { box: BOX, boxes: [] }],
  ['an unknown field in a prompt', BAD, { prompts: [{ box: BOX, x: 1 }] }],
  ['a prompt in both places', BAD, { box: BOX, prompts: [{ box: BOX }] }],
  ['too many prompts', MANY, { prompts: Array(MOST_PROMPTS + 1).fill({ box: BOX }) }],
];

/** Prompts that are none. */
export function prompts(sender: Sender): Refusal[] {
  const all = [...POINTS, ...BOXES, ...MASK_INPUTS, ...WHOLES];
  return all.map(([name, problem, fields]) => [name, ...problem, () => sender.decode(fields)]);
}
