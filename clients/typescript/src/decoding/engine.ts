import { transfer } from 'comlink';
import { onceEach } from '../../../../src/core/once-each.js';
import type { Place } from '../prediction.js';
import type { GraphPart } from '../sam-client.js';
import { DecoderFailure, type DecoderHost, startHost } from './decoder-host.js';
import type { LocalDecoder } from './local-decoder.js';
import type { RuntimeOptions } from './runtime.js';
import { Turns } from './turns.js';
import { untilAborted } from './until-aborted.js';

export interface LocalOptions extends RuntimeOptions {
  readonly assets: URL;
}

type FetchGraph = (model: string, part: GraphPart) => Promise<Uint8Array<ArrayBuffer>>;

/** A decoder that runs, doing one thing at a time. */
export class Engine {
  readonly place: Place;
  readonly #host: DecoderHost;
  readonly #fetch: FetchGraph;
  readonly #turns = new Turns();
  readonly #openOnce = onceEach(
    ([model, part]: readonly [string, GraphPart]) => this.#open(model, part),
    (graph) => graph.join(' '),
  );

  private constructor(host: DecoderHost, place: Place, fetch: FetchGraph) {
    this.#host = host;
    this.place = place;
    this.#fetch = fetch;
  }

  /** @throws DecoderFailure */
  static async start({ assets, ...options }: LocalOptions, fetch: FetchGraph): Promise<Engine> {
    let host: DecoderHost | undefined;
    try {
      host = await startHost(assets);
      const place = await untilAborted(host.decoder.start(options), host.ended);
      return new Engine(host, place, fetch);
    } catch (error) {
      host?.end();
      throw failureOf(error);
    }
  }

  /** Fetches a graph and opens it, once. */
  open(model: string, part: GraphPart): Promise<void> {
    return this.#openOnce([model, part]);
  }

  /** @throws DecoderFailure whatever it is that fails; the signal's reason */
  run<T>(
    work: (decoder: Pick<LocalDecoder, keyof LocalDecoder>) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const { decoder, ended } = this.#host;
    const named = (error: unknown) => {
      throw failureOf(error);
    };
    return untilAborted(
      this.#turns.take(() => work(decoder).catch(named), signal),
      ended,
    );
  }

  /** What still runs is a `DecoderFailure` then. */
  end(): void {
    this.#host.end();
  }

  async #open(model: string, part: GraphPart): Promise<void> {
    const file = await this.#fetch(model, part);
    await this.run((decoder) => decoder.open(model, part, transfer(file, [file.buffer])));
  }
}

function failureOf(error: unknown): DecoderFailure {
  if (error instanceof DecoderFailure) return error;
  return new DecoderFailure(error instanceof Error ? error.message : String(error));
}
