import { jsonFault } from '../json-fault.js';

/** What the fields of a request look like. */
const SHAPES: Record<string, string> = {
  point_coords: 'points [[x1, y1], [x2, y2], …] in pixels',
  point_labels: 'a list of 1 (object) and 0 (background), one for each point, such as [1, 0]',
  box: '[x1, y1, x2, y2] in pixels: two corners, not width and height',
  mask_input: 'an object: {"token"}, {"dtype", "data"}, {"size", "counts"} or {"png"}',
  text: 'words, such as "a wheel", or a list of them',
  exemplar: 'an object, {"box"}, and {"embedding_id"} where it is in another image',
  labels: 'a list of words, such as ["a car", "a tree"]',
  proposals: '"objectness": boxes that most likely hold anything, in place of a grid of points',
  prompts: 'a list of prompts, such as [{"box": [x1, y1, x2, y2]}]',
  point_grids: 'for each layer of crops its points from 0 to 1, [[[x, y], …]]',
  transform: '[a, b, c, d, e, f], six numbers, or nine ending in 0, 0, 1',
  bounds: '[west, south, east, north], four numbers',
  size: '[height, width] of the image in pixels',
  image: 'an object: {"base64": "…"} or {"url": "…"}',
  embedding_id: 'text: the embedding_id that /embed answered with',
};

/** How deep the lists of a field nest. */
const DEPTHS: Record<string, number> = { point_grids: 3, point_coords: 2, point_labels: 1, box: 1 };

/** What others call our fields. */
const ALIASES: Record<string, string> = {
  points: 'point_coords',
  point: 'point_coords',
  coords: 'point_coords',
  labels: 'point_labels',
  bbox: 'box',
  boxes: 'box, one for each of the prompts',
  input_points: 'point_coords',
  input_labels: 'point_labels',
  input_boxes: 'box, one for each of the prompts',
  mask: 'mask_input',
  multimask: 'multimask_output',
  id: 'embedding_id',
  texts: 'text',
  phrase: 'text',
  query: 'text',
  label: 'text',
};

/** Fields of everything mode that clients look for elsewhere. */
const EVERYTHING =
  /^(points_per_|crop_|point_grids$|proposals$|pred_iou_thresh$|stability_score_|box_nms_)/;

/** Fields that all prompts of a request share. */
const FOR_ALL =
  /^(text_|max_detections$|templates$|format$|min_area$|clip$|return_logits|logits_dtype$)/;
/** Fields of a prompt that finds objects. */
const SEARCHES = ['text', 'exemplar'];

/**
 * What should stand where a value does not fit its schema, with what this one seems to be.
 * @param path a JSON pointer to the value or into it.
 * @param body what it points into.
 * @param isForm whether the fields came as text of a form.
 * @returns undefined for a field that needs no more words than the schema's own.
 */
export function shapeOf(path: string, body: unknown, isForm: boolean): string | undefined {
  const names = path.split('/').slice(1);
  const last = names.findLastIndex((name) => Object.hasOwn(SHAPES, name));
  const name = names[last];
  if (name === undefined) return undefined;
  const value = valueAt(body, names.slice(0, last + 1));
  const words = `must be ${SHAPES[name]}`;
  const hint = hintOf(value, DEPTHS[name], isForm);
  return hint ? `${words}; ${hint}` : words;
}

/**
 * What an unknown field may have been meant to be.
 * @param path a JSON pointer to what has it.
 */
export function nameHint(name: string, path: string): string | undefined {
  if (path !== '' && FOR_ALL.test(name)) return 'it is one for all prompts, beside them';
  if (SEARCHES.includes(name)) return 'it is for /decode and /segment; /everything has labels';
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const meant = ALIASES[snake] ?? (Object.hasOwn(SHAPES, snake) ? snake : undefined);
  if (meant !== undefined && meant !== name) return `did you mean ${meant}?`;
  return EVERYTHING.test(name) ? 'it is one of /everything' : undefined;
}

function hintOf(value: unknown, depth: number | undefined, isForm: boolean): string | undefined {
  if (typeof value === 'string') return textHint(value, isForm);
  if (depth === undefined || !Array.isArray(value)) return undefined;
  const nesting = nestingOf(value);
  if (nesting === depth + 1 && value.length > 1)
    return 'this is several: send prompts, one for each';
  if (nesting > depth) return `${brackets(nesting)} is one level too many`;
  if (nesting < depth) return `${brackets(nesting)} is one level too few`;
  return undefined;
}

function textHint(text: string, isForm: boolean): string {
  if (!isForm) return 'this is text: leave out the quotes around it';
  return `the fields of a form are JSON text, and this is none: ${jsonFault(text)}`;
}

function nestingOf(value: unknown): number {
  return Array.isArray(value) ? 1 + nestingOf(value[0]) : 0;
}

function brackets(nesting: number): string {
  return `${'['.repeat(nesting)}…${']'.repeat(nesting)}`;
}

function valueAt(body: unknown, names: readonly string[]): unknown {
  let value = body;
  for (const name of names) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
      return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
