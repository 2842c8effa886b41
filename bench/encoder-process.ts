import type { ModelManifest } from '../src/core/model.js';
import { usableCores } from '../src/cores.js';
import { encoderNetwork, ImageEncoder } from '../src/engine/image-encoder.js';

/** What a process that does nothing but encode is told, and what it answers. */
export interface EncoderOrder {
  readonly manifest: ModelManifest;
  readonly path: string;
  readonly runs: number;
}
export interface EncoderReport {
  readonly loadMs: number;
  /** The fastest run. */
  readonly runMs: number;
  readonly peakRssBytes: number;
}

process.once('message', async ({ manifest, path, runs }: EncoderOrder) => {
  const start = performance.now();
  const encoder = await ImageEncoder.open(
    encoderNetwork(manifest, path, 'float32'),
    manifest.image_size,
    {
      device: 'cpu',
      threads: usableCores(),
      gpuTurn: new SharedArrayBuffer(4),
    },
  );
  const loadMs = performance.now() - start;
  const side = manifest.image_size;
  const input = new Float32Array(3 * side * side).map((_, i) => Math.sin(i / 97));
  let runMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const begun = performance.now();
    await encoder.run(input);
    runMs = Math.min(runMs, performance.now() - begun);
  }
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  process.send?.({ loadMs, runMs, peakRssBytes } satisfies EncoderReport);
  process.disconnect();
});
