import type { ModelManifest, Precision } from '../src/core/family/model.js';
import { encoderNetwork, ImageEncoder } from '../src/engine/image-encoder.js';
import { usableCores } from '../src/machine.js';

/** Which encoder a process of its own is to open; after that, each message asks for one run. */
export interface EncoderOrder {
  readonly manifest: ModelManifest;
  readonly path: string;
  readonly precision: Precision;
}

/** Of opening it, or of one run. */
export interface EncoderReport {
  readonly ms: number;
  /** Of the process, ever. */
  readonly peakRssBytes: number;
}

let encoder: ImageEncoder | undefined;
let input = new Float32Array();

async function open({ manifest, path, precision }: EncoderOrder): Promise<ImageEncoder> {
  input = new Float32Array(3 * manifest.image_size ** 2).map((_, i) => Math.sin(i / 97));
  return ImageEncoder.open(encoderNetwork(manifest, path, precision), manifest.image_size, {
    device: 'cpu',
    threads: usableCores(),
    gpuTurn: new SharedArrayBuffer(4),
  });
}

process.on('message', async (order: EncoderOrder) => {
  const start = performance.now();
  if (encoder) await encoder.run(input);
  else encoder = await open(order);
  const ms = performance.now() - start;
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  process.send?.({ ms, peakRssBytes } satisfies EncoderReport);
});
