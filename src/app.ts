import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import { bestBatch } from './core/device.js';
import { fingerprintOf } from './core/model.js';
import { loadModel } from './engine/model-files.js';
import { withholdTelemetry } from './engine/telemetry.js';
import type { Server } from './http/context.js';
import { createServer } from './http/server.js';
import { Uploads } from './http/uploads.js';
import { DecodeLane } from './lanes/decode-lane.js';
import { EncodeLane } from './lanes/encode-lane.js';
import { CONTEXT_BYTES } from './sam/image-context.js';
import { readDecoderWeights } from './sam/weights.js';
import { DecoderFiles } from './service/decoder-files.js';
import { Embeddings } from './service/embeddings.js';
import { Predictor } from './service/predictor.js';
import { MemoryStore } from './store/memory-store.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** The service, built and wired. */
export interface App {
  readonly server: Server;
  /**
   * Loads the networks in all workers; `/readyz` says no until it is done.
   * @throws StartupError when one does not load
   */
  warmUp(): Promise<void>;
  /** Turns readiness off, finishes what is in flight, ends the workers. */
  close(): Promise<void>;
}

/**
 * Builds the service. Nothing listens yet and no network is loaded.
 * @throws StartupError when the model's files are missing or altered
 */
export async function createApp(config: Config, logger: Logger): Promise<App> {
  withholdTelemetry();
  const model = await loadModel(config.SAM_MODELS_DIR, config.SAM_MODEL);
  const { manifest } = model;
  const dtype = config.SAM_CACHE_DTYPE;
  const fingerprint = fingerprintOf(manifest, dtype);
  const gpuTurn = new SharedArrayBuffer(4);

  const onWorkerLost = (error: unknown) => logger.error({ err: error }, 'worker lost and replaced');
  const encodeLane = new EncodeLane({
    workers: config.SAM_ENCODE_WORKERS,
    queueLimit: config.SAM_ENCODE_QUEUE,
    settings: {
      manifest,
      encoderPath: model.encoderPath,
      session: { device: config.SAM_DEVICE, threads: config.SAM_ENCODE_THREADS, gpuTurn },
      maxPixels: config.SAM_MAX_IMAGE_PIXELS,
      dtype,
    },
    onWorkerLost,
  });
  const contexts = contextsPerWorker(config);
  const decodeLane = new DecodeLane({
    workers: config.SAM_DECODE_WORKERS,
    queueLimit: config.SAM_DECODE_QUEUE,
    hotLimit: contexts,
    settings: {
      manifest,
      weights: readDecoderWeights(readFileSync(model.decoderPath)),
      contexts,
      session: { device: config.SAM_DECODE_DEVICE, threads: config.SAM_DECODE_THREADS, gpuTurn },
    },
    onWorkerLost,
  });

  const store = new MemoryStore(config.SAM_CACHE_BYTES);
  const embeddings = new Embeddings(manifest.name, fingerprint, store, encodeLane);
  const predictor = new Predictor(decodeLane, {
    maxPrompts: config.SAM_MAX_PROMPTS,
    maxPoints: config.SAM_MAX_POINTS,
  });

  let providers: { encoder: string; decoder: string } | undefined;
  let draining = false;
  const server = await createServer(
    {
      embeddings,
      predictor,
      decoderFiles: new DecoderFiles(decodeLane),
      images: encodeLane,
      uploads: new Uploads(config.SAM_MAX_IMAGE_BYTES, config.SAM_MAX_UPLOAD_BYTES),
      models: () => [describe()],
      ready: () => providers !== undefined && !draining,
    },
    { logger, version },
  );

  function describe() {
    const { name, title, license, source, architecture, image_size, encoder, decoder } = manifest;
    return {
      ...{ name, title, license, source, architecture, image_size, fingerprint },
      encoder: { provider: providers?.encoder ?? 'loading', sha256: encoder.sha256 },
      decoder: { provider: providers?.decoder ?? 'loading', sha256: decoder.sha256 },
    };
  }

  return {
    server,
    async warmUp() {
      const [encoder, decoder] = await Promise.all([
        encodeLane.warmUp(),
        decodeLane.warmUp(bestBatch),
      ]);
      providers = { encoder, decoder };
      logger.info({ model: manifest.name, providers }, 'ready');
    },
    async close() {
      draining = true;
      await server.close();
      await Promise.all([encodeLane.close(), decodeLane.close()]);
    },
  };
}

/** Images of which each decode worker keeps the context: the workers share the bytes, and one image always fits. */
function contextsPerWorker({ SAM_CONTEXT_BYTES, SAM_DECODE_WORKERS }: Config): number {
  return Math.max(1, Math.floor(SAM_CONTEXT_BYTES / SAM_DECODE_WORKERS / CONTEXT_BYTES));
}
