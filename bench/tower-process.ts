import { imageTowerNetwork, textTowerNetwork } from '../src/engine/detector/checkpoint.js';
import { Detector } from '../src/engine/detector/detector.js';
import { QueryEncoder } from '../src/engine/detector/query-encoder.js';
import type { OwlArchitecture } from '../src/owl/architecture.js';

/** What is to be run. */
export interface TowerOrder {
  readonly path: string;
  readonly architecture: OwlArchitecture;
  readonly threads: number;
  /** Side of the picture, or undefined for a text. */
  readonly imageSize?: number;
}

export interface TowerReport {
  readonly ms: number;
  readonly peakRssBytes: number;
}

/** Tokens of a phrase of usual length: start, four of words, end. */
const PHRASE = 6;

let run: (() => Promise<unknown>) | undefined;
let count = 0;

process.on('message', async (order: TowerOrder) => {
  const start = performance.now();
  if (run) await run();
  else run = await open(order);
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  process.send?.({ ms: performance.now() - start, peakRssBytes } satisfies TowerReport);
});

async function open({ path, architecture, threads, imageSize }: TowerOrder) {
  const options = { device: 'cpu', threads, gpuTurn: new SharedArrayBuffer(4) } as const;
  if (imageSize === undefined) {
    const encoder = await QueryEncoder.open(textTowerNetwork(path, architecture), options);
    const { vocabulary } = architecture.text;
    return () => {
      count++;
      const words = Array.from({ length: PHRASE - 2 }, (_, i) => 1000 + 17 * count + i);
      return encoder.run([[vocabulary - 2, ...words, vocabulary - 1]]);
    };
  }
  const network = imageTowerNetwork(path, architecture, { imageSize, precision: 'float32' });
  const detector = await Detector.open(network, imageSize, options);
  const pixels = new Float32Array(3 * imageSize ** 2).map((_, i) => Math.sin(i / 777));
  return () => detector.run(pixels);
}
