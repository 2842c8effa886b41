import { frameOf, type ModelManifest, type Precision } from '../src/core/family/model.js';
import { type EncoderInput, encoderNetwork, ImageEncoder } from '../src/engine/image-encoder.js';
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
let input: EncoderInput = [];

async function open({ manifest, path, precision }: EncoderOrder): Promise<ImageEncoder> {
  const { side, resize } = frameOf(manifest);
  const wave = new Float32Array(3 * side * side).map((_, i) => Math.sin(i / 97));
  const data = Uint8Array.from(wave, (value) => 128 + 127 * value);
  input = resize === 'stretch' ? wave : [{ data, width: side, height: side }];
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
