import { picking } from '../state/found.js';
import { hovered } from '../state/preview.js';
import type { Label, Place } from '../state/prompt.js';
import { activeObject, candidates, choose } from '../state/scene.js';
import { mode, tool } from '../state/tool.js';
import { click, finishGesture } from './click.js';
import { cursor, gesture } from './gesture.js';
import { isOnImage, pan, toImage, zoom } from './view.js';

/** CSS pixels that a hand moves while it means to stay. */
const STILL = 4;
/** Of a wheel, for one candidate further: one notch of a mouse, or a stroke of a touch pad. */
const NOTCH = 60;
const RIGHT = 2;
const MIDDLE = 1;

/**
 * What tells where a pointer is. `pointermove` comes with the next frame, which is late while all processors decode; browsers
 * that have the other, in secure contexts, tell at once.
 */
const HOVERS = 'onpointerrawupdate' in window ? 'pointerrawupdate' : 'pointermove';

interface Press {
  readonly from: Place;
  readonly label: Label;
  /** What it will be when it is over. */
  what: 'click' | 'box' | 'stroke' | 'pan';
}

/** Mouse, pen and fingers on the canvas. Places are in CSS pixels of it. */
export class PointerInput {
  readonly #canvas: HTMLElement;
  /** Those that are down. */
  readonly #places = new Map<number, Place>();
  #press: Press | undefined;
  #turned = 0;

  constructor(canvas: HTMLElement) {
    this.#canvas = canvas;
    canvas.addEventListener('pointerdown', (event) => this.#down(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    canvas.addEventListener(HOVERS, (event) => this.#pass(event as PointerEvent));
    canvas.addEventListener('pointerup', (event) => this.#up(event));
    canvas.addEventListener('pointercancel', (event) => this.#cancel(event));
    canvas.addEventListener('pointerleave', () => this.#hover(undefined));
    // The right button subtracts.
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    canvas.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
  }

  #down(event: PointerEvent): void {
    const at = this.#at(event);
    this.#canvas.setPointerCapture(event.pointerId);
    cursor.value = undefined;
    this.#places.set(event.pointerId, at);
    if (this.#places.size > 1) {
      // A second finger: what the first began was not meant.
      this.#press = undefined;
      gesture.value = undefined;
      return;
    }
    const subtracts = event.button === RIGHT || event.altKey || event.ctrlKey;
    const label = subtracts ? 0 : mode.value;
    this.#press = { from: at, label, what: this.#meaning(event.button) };
    if (this.#press.what === 'stroke') {
      gesture.value = { kind: 'stroke', places: [toImage(at)], label };
    }
  }

  #meaning(button: number): Press['what'] {
    if (button === MIDDLE || tool.value === 'move') return 'pan';
    return tool.value === 'brush' && !picking.value ? 'stroke' : 'click';
  }

  #move(event: PointerEvent): void {
    const before = this.#places.get(event.pointerId);
    if (!before) return;
    const at = this.#at(event);
    if (this.#places.size === 2) this.#pinch(event.pointerId, before, at);
    else this.#drag(before, at, event);
    this.#places.set(event.pointerId, at);
  }

  /** Over the image with no button down. */
  #pass(event: PointerEvent): void {
    if (this.#places.has(event.pointerId)) return;
    this.#hover(this.#at(event), event.altKey || event.ctrlKey ? 0 : mode.value);
  }

  #drag(before: Place, at: Place, event: PointerEvent): void {
    const press = this.#press;
    if (!press) return;
    const still = Math.hypot(at.x - press.from.x, at.y - press.from.y) <= STILL;
    const draws = tool.value === 'example' || (press.label === 1 && !picking.value);
    if (press.what === 'click' && !still && draws) press.what = 'box';
    if (press.what === 'pan') pan(at.x - before.x, at.y - before.y);
    if (press.what === 'box') {
      this.#hover(undefined);
      gesture.value = { kind: 'box', from: toImage(press.from), to: toImage(at) };
    }
    if (press.what === 'stroke' && gesture.value?.kind === 'stroke') {
      const passed = event.getCoalescedEvents().map((each) => toImage(this.#at(each)));
      gesture.value = {
        ...gesture.value,
        places: [...gesture.value.places, ...(passed.length > 0 ? passed : [toImage(at)])],
      };
    }
  }

  /** Two fingers: what lies between them stays there, and grows as they part. */
  #pinch(moving: number, before: Place, at: Place): void {
    const other = [...this.#places].find(([id]) => id !== moving)?.[1];
    if (!other) return;
    pan((at.x - before.x) / 2, (at.y - before.y) / 2);
    const parted = Math.hypot(at.x - other.x, at.y - other.y);
    const apart = Math.max(Math.hypot(before.x - other.x, before.y - other.y), 1);
    zoom(parted / apart, { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
  }

  #up(event: PointerEvent): void {
    const press = this.#press;
    this.#places.delete(event.pointerId);
    this.#press = undefined;
    if (press?.what === 'box' || press?.what === 'stroke') finishGesture();
    if (press?.what === 'click' && isOnImage(press.from)) click(toImage(press.from), press.label);
    // A finger that has left points nowhere.
    if (event.pointerType === 'touch') this.#hover(undefined);
  }

  #cancel(event: PointerEvent): void {
    this.#places.delete(event.pointerId);
    this.#press = undefined;
    gesture.value = undefined;
  }

  #hover(at: Place | undefined, label: Label = 1): void {
    hovered.value = at && isOnImage(at) ? { ...toImage(at), label } : undefined;
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const { length } = candidates.value;
    if (event.ctrlKey || event.metaKey || length < 2) {
      zoom(Math.exp(-event.deltaY / 400), this.#at(event));
    } else {
      this.#turnTo(event.deltaY, length);
    }
  }

  #turnTo(delta: number, count: number): void {
    this.#turned += delta;
    if (Math.abs(this.#turned) < NOTCH) return;
    const step = Math.sign(this.#turned);
    this.#turned = 0;
    choose((activeObject.value.choice + step + count) % count);
  }

  #at(event: MouseEvent): Place {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}
