import { expose, transfer } from 'comlink';
import { browserRuntime } from './browser-runtime.js';
import { LocalDecoder } from './local-decoder.js';

/** Moves the logits out, which would be copied. */
class WorkerDecoder extends LocalDecoder {
  override async decode(...prompt: Parameters<LocalDecoder['decode']>) {
    const masks = await super.decode(...prompt);
    const buffers = masks.flatMap(({ low_res_logits }) => low_res_logits?.buffer ?? []);
    return transfer(masks, buffers as ArrayBuffer[]);
  }
}

expose(new WorkerDecoder(browserRuntime));
