import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { bestBatch, type Provider } from '../core/device.js';
import { fingerprintOf } from '../core/model.js';
import type { EmbeddingStore, ImageLane } from '../core/ports.js';
import type { Model } from '../engine/model-files.js';
import type { Metrics } from '../observe/metrics.js';
import { Embeddings } from '../service/embeddings.js';
import { Models } from '../service/models.js';
import { ServedModel } from '../service/served-model.js';
import type { Lanes } from './lanes.js';

/** What all models have in common. */
interface Shared {
  readonly lanes: Lanes;
  readonly store: EmbeddingStore;
  /** Takes a model's images. */
  readonly imagesOf: (model: string) => ImageLane;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** The models that are served, none of which has a network in memory yet. */
export function createModels(config: Config, models: readonly Model[], shared: Shared): Models {
  return new Models(models.map((model) => createModel(config, model, shared)));
}

function createModel(config: Config, { manifest }: Model, shared: Shared): ServedModel {
  const { precision, dtype, batch } = config.encodeLane;
  const { lanes, store, imagesOf, metrics, logger } = shared;
  const { name } = manifest;
  const fingerprint = fingerprintOf(manifest, precision, dtype);
  const embeddings = new Embeddings(name, fingerprint, store, imagesOf(name), metrics);
  return new ServedModel(manifest, { fingerprint, precision }, embeddings, async () => {
    const encoder = await lanes.encode.loadModel(name, (on) => batch ?? defaultBatch(on));
    const decoder = await lanes.decode.loadModel(name, bestBatch);
    // A request that waits for its model runs the networks itself.
    if (config.models.atStart) {
      await Promise.all([lanes.encode.warmUp(name), lanes.decode.warmUp(name)]);
    }
    metrics.provider(name, 'encoder', encoder);
    metrics.provider(name, 'decoder', decoder);
    logger.info({ model: name, encoder, decoder }, 'loaded');
    return { encoder, decoder };
  });
}

/** Images that fill the device together. */
function defaultBatch(provider: Provider): number {
  return provider === 'cpu' ? 1 : 4;
}
