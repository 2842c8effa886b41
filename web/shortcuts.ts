import { seeWhole, zoom } from './canvas/view.js';
import { helpShown } from './dialogs/help-dialog.js';
import { picture } from './state/picture.js';
import { activeObject, addObject, choose, redo, removeObject, undo } from './state/scene.js';
import { textModel } from './state/service.js';
import { mode, tool } from './state/tool.js';

/** By key, in lower case. */
const KEYS: Readonly<Record<string, () => void>> = {
  1: () => choose(0),
  2: () => choose(1),
  3: () => choose(2),
  p: () => {
    tool.value = 'point';
  },
  b: () => {
    tool.value = 'brush';
  },
  e: () => {
    if (textModel.value) tool.value = 'example';
  },
  m: () => {
    tool.value = 'move';
  },
  a: () => {
    mode.value = 1;
  },
  s: () => {
    mode.value = 0;
  },
  n: addObject,
  delete: () => removeObject(activeObject.value.id),
  '+': () => zoom(1.25),
  '=': () => zoom(1.25),
  '-': () => zoom(1 / 1.25),
  0: seeWhole,
  '?': () => {
    helpShown.value = true;
  },
};

/** With Control, or Command. */
const CONTROL_KEYS: Readonly<Record<string, () => void>> = { z: undo, y: redo };

/** Keys that work anywhere but where text is written. */
export function listenToKeys(): void {
  addEventListener('keydown', (event) => {
    if (!picture.value || event.altKey || isWriting(event.target)) return;
    const key = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    const act = control ? (event.shiftKey && key === 'z' ? redo : CONTROL_KEYS[key]) : KEYS[key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function isWriting(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !['radio', 'range', 'file'].includes(target.type);
  return target instanceof HTMLElement && target.closest('select, textarea, dialog') !== null;
}
