import { createHash } from 'node:crypto';
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
  readonly #files = new Map<string, Promise<DecoderFile>>();

  constructor(lane: PromptLane) {
    this.#lane = lane;
  }

  /** @throws SamError `overloaded` */
  get(graph: DecoderGraph): Promise<DecoderFile> {
    const key = `${graph.model}/${graph.part}`;
    const known = this.#files.get(key);
    if (known) return known;
    const made = this.#make(graph);
    this.#files.set(key, made);
    made.catch(() => this.#files.delete(key));
    return made;
  }

  async #make(graph: DecoderGraph): Promise<DecoderFile> {
    const bytes = await this.#lane.graph(graph);
    return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
  }
}
