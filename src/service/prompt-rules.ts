import { MAX_VIOLATIONS, SamError, type Violation, violation } from '../core/errors.js';
import type { ImageSize } from '../core/image.js';
import {
  type Box,
  isSearch,
  type MaskInput,
  masksPerPrompt,
  type Prompt,
  wantsMultimask,
} from '../core/prompt.js';

export interface PromptLimits {
  readonly maxPrompts: number;
  /** Points one prompt may have: attention grows with them. */
  readonly maxPoints: number;
  /** Pixels that all masks of a request together may have. */
  readonly maxMaskPixels: number;
  /** Bytes that its masks may take in the answer. */
  readonly maxAnswerBytes: number;
}

/** Masks that prompts are answered with. */
export function maskCount(prompts: readonly Prompt[]): number {
  return prompts.reduce((sum, prompt) => sum + masksPerPrompt(wantsMultimask(prompt)), 0);
}

/** @throws SamError `too-many-prompts` */
export function checkCount(prompts: readonly Prompt[], { maxPrompts }: PromptLimits): void {
  if (prompts.length <= maxPrompts) return;
  throw new SamError('too-many-prompts', `at most ${maxPrompts} prompts a request`);
}

/**
 * Checks what a schema cannot: fields that belong together. Needs no image.
 * @throws SamError `too-many-prompts`, `invalid-request`
 */
export function checkShape(
  prompts: ReadonlyMap<number, Prompt>,
  { maxPoints }: PromptLimits,
): void {
  refuse('invalid-request', prompts, shapeViolations);
  for (const [place, { point_coords }] of prompts) {
    if ((point_coords?.length ?? 0) <= maxPoints) continue;
    const path = `/prompts/${place}/point_coords`;
    throw violation('too-many-prompts', path, `must have at most ${maxPoints} points`);
  }
}

/**
 * Checks that prompts lie inside their image, edges included.
 * @throws SamError `prompt-invalid`
 */
export function checkGeometry(prompts: ReadonlyMap<number, Prompt>, image: ImageSize): void {
  refuse('prompt-invalid', prompts, (prompt, path) => geometryViolations(prompt, image, path));
}

/** The prompt with its points and its box moved into the image; a box that lies beside it stays, to be refused. */
export function clipped(prompt: Prompt, { width, height }: ImageSize): Prompt {
  const within = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  const { point_coords, box } = prompt;
  const moved = point_coords?.map(([x, y]) => [within(x, width), within(y, height)] as const);
  const [x1, y1, x2, y2] = box ?? [0, 0, 0, 0];
  const meets = x1 < width && y1 < height && x2 > 0 && y2 > 0;
  const cut = [
    within(x1, width),
    within(y1, height),
    within(x2, width),
    within(y2, height),
  ] as const;
  return {
    ...prompt,
    ...(moved && { point_coords: moved }),
    ...(box && meets && { box: cut }),
  };
}

/**
 * Checks that what was asked for can be made: a mask costs time by the pixel.
 * @throws SamError `masks-too-large`
 */
export function checkOutput(
  prompts: readonly Prompt[],
  { width, height }: ImageSize,
  { maxMaskPixels }: PromptLimits,
): void {
  const masks = maskCount(prompts);
  if (masks * width * height <= maxMaskPixels) return;
  const message = `${masks} masks of ${width}x${height} pixels are more than the ${maxMaskPixels} allowed`;
  throw new SamError('masks-too-large', message);
}

function shapeViolations(prompt: Prompt, path: string): Violation[] {
  const { point_coords, point_labels, box, mask_input } = prompt;
  const points = point_coords?.length ?? 0;
  const labels = point_labels?.length ?? 0;
  if (points !== labels) {
    const message = `must have one label for each of the ${points} points, has ${labels}`;
    return [{ path: `${path}/point_labels`, message }];
  }
  if (isSearch(prompt)) return searchViolations(prompt, path);
  if (mask_input && !isMaskInput(mask_input)) {
    return [{ path: `${path}/mask_input`, message: MASK_INPUTS }];
  }
  if (points === 0 && !box && !mask_input) {
    return [
      {
        path,
        message:
          'must have point_coords with point_labels, a box, a mask_input, text, or an exemplar',
      },
    ];
  }
  return [];
}

/** Objects that are found have their own boxes, which are neither refined nor ambiguous. */
function searchViolations(prompt: Prompt, path: string): Violation[] {
  const kind = prompt.text === undefined ? 'exemplar' : 'text';
  const names = [
    'mask_input',
    'multimask_output',
    ...(kind === 'text' ? ['exemplar'] : []),
  ] as const;
  const excluded = names.filter((name) => prompt[name as keyof Prompt] !== undefined);
  const message = `must not stand beside ${kind}`;
  return excluded.map((name) => ({ path: `${path}/${name}`, message }));
}

const MASK_INPUTS =
  'must be logits {"dtype", "data"}, a {"token"}, or a mask {"size", "counts"} or {"png"}';

/** Whether the fields make up one of the forms a mask comes in; the schema knows each field alone. */
function isMaskInput(input: MaskInput): boolean {
  const forms = ['data,dtype', 'token', 'counts,size', 'png', 'png,size'];
  return forms.includes(Object.keys(input).sort().join());
}

function* geometryViolations(prompt: Prompt, image: ImageSize, path: string): Generator<Violation> {
  for (const [i, [x, y]] of (prompt.point_coords ?? []).entries()) {
    if (!contains(image, x, y)) {
      yield { path: `${path}/point_coords/${i}`, message: outside(image) };
    }
  }
  const fault = prompt.box && boxFault(prompt.box, image);
  if (fault) yield { path: `${path}/box`, message: fault };
}

/** What is wrong with a box in an image, if anything. */
export function boxFault([x1, y1, x2, y2]: Box, image: ImageSize): string | undefined {
  if (!contains(image, x1, y1) || !contains(image, x2, y2)) return outside(image);
  return x1 < x2 && y1 < y2 ? undefined : 'must have x1 < x2 and y1 < y2; not width and height';
}

function contains({ width, height }: ImageSize, x: number, y: number): boolean {
  return x >= 0 && x <= width && y >= 0 && y <= height;
}

function outside({ width, height }: ImageSize): string {
  return `must lie in the image, 0..${width} by 0..${height}`;
}

/** Throws where there are violations: all are counted, and as many kept as are listed. */
function refuse(
  code: 'invalid-request' | 'prompt-invalid',
  prompts: ReadonlyMap<number, Prompt>,
  find: (prompt: Prompt, path: string) => Iterable<Violation>,
): void {
  const violations: Violation[] = [];
  let count = 0;
  for (const [place, prompt] of prompts) {
    for (const found of find(prompt, `/prompts/${place}`)) {
      count++;
      if (count <= MAX_VIOLATIONS) violations.push(found);
    }
  }
  const [first] = violations;
  if (!first) return;
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  throw new SamError(code, `${first.path} ${first.message}${more}`, { violations });
}
