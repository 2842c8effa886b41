import { signal } from '@preact/signals';
import type { Label } from './prompt.js';

/** What the pointer does on the image: points and boxes, paint, show an example of what to find, or move the image. */
export type Tool = 'point' | 'brush' | 'example' | 'move';

export const tool = signal<Tool>('point');

/** Whether clicks and strokes add to the object or take away from it. */
export const mode = signal<Label>(1);

/** Of the brush, in pixels of the screen. */
export const brushWidth = signal(24);
