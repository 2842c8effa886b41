import type { Measurement } from './measure.js';
import { afterClicks, CLICKS, type MeasuredObject, PICTURED, type Pictured } from './measured.js';

/** An object with the masks that are kept of it. */
export interface ShownObject {
  readonly object: MeasuredObject;
  readonly masks: Partial<Record<Pictured, string>>;
}

/** What a protocol that is pictured says of an object. */
export function picturedIou(object: MeasuredObject, protocol: Pictured): number {
  if (protocol !== 'clicks' && protocol !== 'clicks_with_logits') return object[protocol].iou;
  return afterClicks(object[protocol], Math.max(...CLICKS)).iou;
}

/** By each protocol the objects with the least IoU so far: of these alone masks are kept. */
export class Worst {
  readonly #most: number;
  readonly #lists = new Map<Pictured, ShownObject[]>(PICTURED.map((name) => [name, []]));

  /** @param most objects of each protocol. */
  constructor(most: number) {
    this.#most = most;
  }

  /** @returns the object with the masks of those protocols by which it is among the worst. */
  add({ object, masks }: Measurement | ShownObject): ShownObject {
    const kept: Partial<Record<Pictured, string>> = {};
    const shown = { object, masks: kept };
    for (const [protocol, list] of this.#lists) {
      const mask = masks[protocol];
      const iou = picturedIou(object, protocol);
      const before = list.findIndex((other) => picturedIou(other.object, protocol) > iou);
      const place = before < 0 ? list.length : before;
      if (mask === undefined || place >= this.#most) continue;
      kept[protocol] = mask;
      list.splice(place, 0, shown);
      list.length = Math.min(list.length, this.#most);
    }
    return shown;
  }

  /** The worst first. */
  of(protocol: Pictured): readonly ShownObject[] {
    return this.#lists.get(protocol) ?? [];
  }
}
