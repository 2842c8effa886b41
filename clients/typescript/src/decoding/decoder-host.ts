import { releaseProxy, wrap } from 'comlink';
import type { LocalDecoder } from './local-decoder.js';

/** A decoder on a thread of its own, or in Node.js in this one. */
export interface DecoderHost {
  readonly decoder: Pick<LocalDecoder, keyof LocalDecoder>;
  /** Settles only when the decoder can no longer answer. */
  readonly failure: Promise<never>;
  end(): void;
}

/** What `decode-node.js` exports. */
export interface NodeDecoder {
  createDecoder(): LocalDecoder;
}

const inNode = globalThis.process?.versions?.node !== undefined && !globalThis.document;

/** @param assets the folder of `decode-worker.js` and the files it loads. */
export async function startHost(assets: URL): Promise<DecoderHost> {
  if (inNode) {
    const file = new URL('decode-node.js', assets).href;
    const { createDecoder } = (await import(/* @vite-ignore */ file)) as NodeDecoder;
    return {
      decoder: createDecoder(),
      failure: new Promise(() => undefined),
      end: () => undefined,
    };
  }
  const worker = new Worker(new URL('decode-worker.js', assets), { type: 'module' });
  const decoder = wrap<LocalDecoder>(worker);
  const failure = new Promise<never>((_, reject) => {
    worker.onerror = ({ message }) => reject(new Error(message || 'the worker does not load'));
  });
  failure.catch(() => undefined);
  const end = () => {
    decoder[releaseProxy]();
    worker.terminate();
  };
  return { decoder, failure, end };
}
