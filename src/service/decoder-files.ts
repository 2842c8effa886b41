import { createHash } from 'node:crypto';
import { onceEach } from '../core/once-each.js';
import type { DecoderGraph, PromptLane } from '../core/ports.js';

/** A file for clients, with the hash of its content. */
export interface DecoderFile {
  readonly bytes: Uint8Array;
  /** In lower-case hex. */
  readonly sha256: string;
}

/** The decoder as files, for clients that decode themselves: written when they are first asked for, and kept. */
export class DecoderFiles {
  readonly #lane: PromptLane;

  constructor(lane: PromptLane) {
    this.#lane = lane;
  }

  /** @throws SamError `overloaded` */
  readonly get = onceEach(
    (graph: DecoderGraph) => this.#make(graph),
    ({ model, part }) => `${model}/${part}`,
  );

  async #make(graph: DecoderGraph): Promise<DecoderFile> {
    const bytes = await this.#lane.graph(graph);
    return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
  }
}
