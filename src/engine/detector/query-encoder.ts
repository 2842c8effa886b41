import { Tensor } from 'onnxruntime-node';
import type { Provider } from '../../core/device.js';
import { type Network, openSession, type Session, type SessionOptions } from '../session.js';

/** The detector's text tower: the tokens of texts to the queries they become. */
export class QueryEncoder {
  readonly provider: Provider;
  readonly #session: Session;

  private constructor(session: Session) {
    this.provider = session.provider;
    this.#session = session;
  }

  /** @param network as `buildTextTower` makes it. */
  static async open(network: Network, options: SessionOptions): Promise<QueryEncoder> {
    return new QueryEncoder(await openSession(network, options));
  }

  /**
   * @param texts their token ids, each from its start to its end token.
   * @returns for each its query, of length 1. Texts of one length are answered in one run.
   */
  async run(texts: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const queries = new Array<Float32Array>(texts.length);
    for (const length of new Set(texts.map((ids) => ids.length))) {
      const places = [...texts.keys()].filter((i) => texts[i]?.length === length);
      const ids = places.flatMap((i) => texts[i] as readonly number[]);
      const { text_embeds } = await this.#session.run({
        input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [places.length, length]),
      });
      if (!text_embeds) throw new Error('the text tower has no output "text_embeds"');
      const data = text_embeds.data as Float32Array;
      const width = data.length / places.length;
      for (const [at, i] of places.entries()) {
        queries[i] = data.slice(at * width, (at + 1) * width);
      }
    }
    return queries;
  }
}
