import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { bestBatch, type Provider } from '../core/device.js';
import { familyOf, fingerprintOf } from '../core/family/model.js';
import { detectorFingerprint } from '../core/find/detector-model.js';
import type { EmbeddingMaker } from '../core/making.js';
import { onceEach } from '../core/once-each.js';
import type { EmbeddingStore } from '../core/ports.js';
import { type DetectorModel, findDetector } from '../engine/detector/files.js';
import { findModel, type Model } from '../engine/model-files.js';
import type { Metrics } from '../observe/metrics.js';
import { decoderSignatures } from '../sam/graph-signatures.js';
import { Embeddings } from '../service/embeddings.js';
import { Models, type TextModelInfo } from '../service/models.js';
import { ServedModel } from '../service/served-model.js';
import { ImageFeatures } from '../service/text/image-features.js';
import type { Lanes } from './lanes.js';

/** What all models have in common. */
interface Shared {
  readonly lanes: Lanes;
  readonly store: EmbeddingStore;
  /** Makes embeddings by a model's network. */
  readonly makerOf: (model: string) => EmbeddingMaker;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** The models that are served, none of which has a network in memory yet. */
export function createModels(
  config: Config,
  models: readonly Model[],
  detector: DetectorModel | undefined,
  shared: Shared,
): Models {
  const featuresOf = detector && createFeatures(config, detector, shared);
  return new Models(
    models.map((model) => createModel(config, model, shared, featuresOf?.(model.manifest.name))),
    detector && describe(detector),
  );
}

function describe({ manifest, imageSize }: DetectorModel): TextModelInfo {
  const { name, title, license, source, architecture } = manifest;
  return { name, title, license, source, architecture, image_size: imageSize };
}

/** Of each model's images, what the one detector makes of them. */
function createFeatures(
  config: Config,
  { manifest, sha256, imageSize }: DetectorModel,
  { lanes, store, makerOf, metrics, logger }: Shared,
): (model: string) => ImageFeatures {
  const { precision, dtype } = config.encodeLane;
  const { name } = manifest;
  const fingerprint = detectorFingerprint(manifest, { sha256, imageSize, precision, dtype });
  const load = onceEach<void, void>(async () => {
    const encode = config.encode === 'local' ? lanes.encode : undefined;
    const image = (await encode?.loadDetector(name)) ?? 'queue';
    const text = await lanes.find?.loadModel(name);
    if (config.models.atStart) {
      await Promise.all([encode?.warmUp(name), lanes.find?.warmUp(name)]);
    }
    metrics.provider(name, 'encoder', image);
    logger.info({ model: name, image, text }, 'loaded');
  });
  return (model) => {
    const features = new Embeddings(model, fingerprint, store, makerOf(name), undefined, 'text');
    return new ImageFeatures(features, load, config.text?.always ?? false);
  };
}

function createModel(
  config: Config,
  { manifest }: Model,
  shared: Shared,
  features: ImageFeatures | undefined,
): ServedModel {
  const { precision, dtype, batch } = config.encodeLane;
  const { lanes, store, makerOf, metrics, logger } = shared;
  const { name } = manifest;
  const fingerprint = fingerprintOf(manifest, precision, dtype);
  const embeddings = new Embeddings(name, fingerprint, store, makerOf(name), metrics);
  const load = async () => {
    // Where images go through a queue, the own lane loads its network if it is ever needed.
    const encode = config.encode === 'local' ? lanes.encode : undefined;
    const [encoder = 'queue' as const, decoder] = await Promise.all([
      encode?.loadModel(name, (on) => batch ?? defaultBatch(on)),
      lanes.decode.loadModel(name, bestBatch),
    ]);
    const numbers = (await encode?.precisionOf(name)) ?? precision;
    // A request that waits for its model runs the networks itself.
    if (config.models.atStart) {
      await Promise.all([encode?.warmUp(name), lanes.decode.warmUp(name)]);
    }
    metrics.provider(name, 'encoder', encoder);
    metrics.provider(name, 'decoder', decoder);
    logger.info({ model: name, encoder, precision: numbers, decoder }, 'loaded');
    return { encoder, precision: numbers, decoder };
  };
  const graphs = decoderSignatures(familyOf(manifest.architecture));
  const identity = { fingerprint, precision };
  return new ServedModel(manifest, identity, graphs, embeddings, load, features);
}

/** Images that fill the device together. */
export function defaultBatch(provider: Provider): number {
  return provider === 'cpu' ? 1 : 4;
}

/**
 * The files of all models, and of the detector where there is one.
 * @throws OperatorError when one is missing or altered
 */
export async function findFiles({ models, text }: Config) {
  const files: Model[] = [];
  for (const name of models.names) files.push(await findModel(models.directory, name));
  const detector = text && (await findDetector(models.directory, text.model, text.size));
  return { files, detector };
}
