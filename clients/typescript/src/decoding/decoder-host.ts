import { releaseProxy, wrap } from 'comlink';
import type { LocalDecoder } from './local-decoder.js';

/** The decoder itself has failed, not what it is fed by. */
export class DecoderFailure extends Error {}

/** A decoder on a thread of its own, or in Node.js in this one. */
export interface DecoderHost {
  readonly decoder: Pick<LocalDecoder, keyof LocalDecoder>;
  /** Aborted by a `DecoderFailure` when the decoder can no longer answer. */
  readonly ended: AbortSignal;
  end(): void;
}

/** What `decode-node.js` exports. */
export interface NodeDecoder {
  createDecoder(): LocalDecoder;
}

const inNode = globalThis.process?.versions?.node !== undefined && !globalThis.document;

const CLOSED = 'the decoder was closed';

/** @param assets the folder of `decode-worker.js` and the files it loads. */
export async function startHost(assets: URL): Promise<DecoderHost> {
  const ending = new AbortController();
  const fail = (message: string) => ending.abort(new DecoderFailure(message));
  const ended = ending.signal;
  if (inNode) {
    const file = new URL('decode-node.js', assets).href;
    const { createDecoder } = (await import(/* @vite-ignore */ file)) as NodeDecoder;
    const decoder = createDecoder();
    const end = () => {
      fail(CLOSED);
      decoder.close().catch(() => undefined);
    };
    return { decoder, ended, end };
  }
  const worker = new Worker(new URL('decode-worker.js', assets), { type: 'module' });
  worker.onerror = ({ message }) => fail(message || 'the worker does not load');
  const decoder = wrap<LocalDecoder>(worker);
  const end = () => {
    fail(CLOSED);
    decoder[releaseProxy]();
    worker.terminate();
  };
  return { decoder, ended, end };
}
