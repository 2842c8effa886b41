import { computed } from '@preact/signals';
import type { DecodedMask } from 'sam-split-client';
import { answerOf } from './answers.js';
import { History } from './history.js';
import {
  type Box,
  EMPTY_PROMPT,
  isEmpty,
  type ObjectPrompt,
  type PromptPoint,
  type Stroke,
  withBox,
  withPoint,
  withStroke,
} from './prompt.js';

/** An object that the user is after. */
export interface SegmentedObject {
  readonly id: number;
  readonly name: string;
  readonly colour: string;
  readonly prompt: ObjectPrompt;
  /** Which of the masks that answer the prompt it is. */
  readonly choice: number;
}

/** What is undone and redone. */
export interface Scene {
  readonly objects: readonly SegmentedObject[];
  /** The id of the one that clicks go to. */
  readonly active: number;
}

/** Told apart by most people, colour-blind ones too; those of the service's overlays. */
const COLOURS = ['#1e90ff', '#ff8c00', '#00be8c', '#dc5ac8', '#d6bd10', '#7a6cf0'];

let lastId = 0;

const history = new History<Scene>(freshScene());

export const scene = history.present;
export const undoable = computed(() => history.undoable);
export const redoable = computed(() => history.redoable);
export const undo = (): void => history.undo();
export const redo = (): void => history.redo();

export const activeObject = computed(
  () => scene.value.objects.find(({ id }) => id === scene.value.active) as SegmentedObject,
);

/** The objects that have a mask, with it. */
export const masked = computed(() =>
  scene.value.objects.flatMap((object) => {
    const mask = maskOf(object);
    return mask ? [{ object, mask }] : [];
  }),
);

/** The mask that is shown for an object, once there is one; while a newer is on its way, the one it goes on from. */
export function maskOf({ prompt, choice }: SegmentedObject): DecodedMask | undefined {
  if (isEmpty(prompt)) return undefined;
  const answer = answerOf(prompt).value;
  if (answer.state === 'answered') return answer.masks[choice];
  const { start } = prompt;
  if (!start) return undefined;
  if ('mask' in start) return start.mask;
  const earlier = answerOf(start.prompt).value;
  return earlier.state === 'answered' ? earlier.masks[start.choice] : undefined;
}

/** The masks to choose among for the active object. */
export const candidates = computed<readonly DecodedMask[]>(() => {
  const { prompt } = activeObject.value;
  if (isEmpty(prompt)) return [];
  const answer = answerOf(prompt).value;
  return answer.state === 'answered' ? answer.masks : [];
});

/** For a new image. */
export function clearHistory(): void {
  history.reset(freshScene());
}

/** Removes all objects, which can be undone. */
export function clearScene(): void {
  if (scene.value.objects.length > 1 || !isEmpty(activeObject.value.prompt)) {
    history.push(freshScene());
  }
}

export function addPoint(point: PromptPoint): void {
  ask(({ prompt, choice }) => withPoint(prompt, point, choice));
}

export function drawBox(box: Box): void {
  ask(({ prompt }) => withBox(prompt, box));
}

export function paint(stroke: Stroke): void {
  ask(({ prompt, choice }) => withStroke(prompt, stroke, choice));
}

/** Chooses among the masks that answer the active object's prompt. */
export function choose(choice: number): void {
  if (!candidates.value[choice]) return;
  history.replace(withActive((object) => ({ ...object, choice })));
}

/** Goes on to another object: a new one, unless the active one is still empty. */
export function addObject(): void {
  if (isEmpty(activeObject.value.prompt)) return;
  const { objects } = scene.value;
  const object = freshObject(objects);
  history.push({ objects: [...objects, object], active: object.id });
}

/** Adds masks that were found otherwise, each as an object, which has their name where they have one. */
export function addMasks(
  masks: readonly { readonly mask: DecodedMask; readonly name?: string }[],
): void {
  if (masks.length === 0) return;
  const objects = scene.value.objects.filter(({ prompt }) => !isEmpty(prompt));
  for (const { mask, name } of masks) {
    const prompt = { ...EMPTY_PROMPT, start: { mask } };
    objects.push({ ...freshObject(objects), ...(name !== undefined && { name }), prompt });
  }
  history.push({ objects, active: (objects.at(-1) as SegmentedObject).id });
}

export function removeObject(id: number): void {
  const objects = scene.value.objects.filter((object) => object.id !== id);
  const last = objects.at(-1);
  if (!last) clearScene();
  else history.push({ objects, active: scene.value.active === id ? last.id : scene.value.active });
}

export function selectObject(id: number): void {
  history.replace({ ...scene.value, active: id });
}

export function renameObject(id: number, name: string): void {
  const objects = scene.value.objects.map((object) =>
    object.id === id ? { ...object, name } : object,
  );
  history.replace({ ...scene.value, objects });
}

function ask(prompt: (object: SegmentedObject) => ObjectPrompt): void {
  history.push(withActive((object) => ({ ...object, prompt: prompt(object), choice: 0 })));
}

function withActive(change: (object: SegmentedObject) => SegmentedObject): Scene {
  const { objects, active } = scene.value;
  return {
    active,
    objects: objects.map((object) => (object.id === active ? change(object) : object)),
  };
}

function freshScene(): Scene {
  const object = freshObject([]);
  return { objects: [object], active: object.id };
}

/** An empty object, under the first number that none of the others has. */
function freshObject(others: readonly SegmentedObject[]): SegmentedObject {
  let number = 1;
  while (others.some(({ name }) => name === `Object ${number}`)) number++;
  const colour = COLOURS[(number - 1) % COLOURS.length] as string;
  return { id: ++lastId, name: `Object ${number}`, colour, prompt: EMPTY_PROMPT, choice: 0 };
}
