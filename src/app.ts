import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import { collectGarbage } from './core/garbage.js';
import { AMBIGUOUS_MASKS } from './core/prompt.js';
import { withholdTelemetry } from './engine/telemetry.js';
import { Uploads } from './http/bodies/uploads.js';
import type { Server } from './http/context.js';
import { ApiKeys } from './http/hooks/api-keys.js';
import { createServer } from './http/server.js';
import { Metrics } from './observe/metrics.js';
import { startTraces } from './observe/traces.js';
import { createLanes, watched } from './parts/lanes.js';
import { createModels, findFiles } from './parts/models.js';
import { createStores, type Stores } from './parts/stores.js';
import { AllowedHosts } from './remote/allowed-hosts.js';
import { ImageUrls } from './remote/image-urls.js';
import { Cutouts } from './service/cutouts.js';
import { DecoderFiles } from './service/decoder-files.js';
import { Everything } from './service/everything/everything.js';
import { MaskGenerator } from './service/everything/mask-generator.js';
import { ImageAdmission, PictureAdmission, PixelBudget } from './service/image-admission.js';
import { LocalMaker } from './service/local-maker.js';
import { Ledger } from './service/memory/ledger.js';
import { MemoryGuard } from './service/memory/memory-guard.js';
import type { Models } from './service/models.js';
import { Predictor } from './service/predictor.js';
import { Segmenter } from './service/segmenter.js';
import { Guide } from './service/text/guide.js';
import { TextPredictor } from './service/text/text-predictor.js';
import { LogitsStore } from './store/logits-store.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** As much of the cache as makes room when memory is short, and leaves most of what is in use. */
const SHARE_LET_GO = 0.25;
/** Shares of the time to shut down after which everything runs end, and all else that goes on. */
const LONG_WORK_ENDS = 0.5;
const ALL_WORK_ENDS = 0.9;
/** Longer than a client takes from one click's answer to its next request when it has one at once. */
const DRAIN_MS = 250;

/** The service, built and wired. */
export interface App {
  readonly server: Server;
  /**
   * Waits until the networks are loaded in all workers, unless that is put off until they are needed; `/readyz` says no
   * until it is done.
   * @throws OperatorError when one does not load
   */
  warmUp(): Promise<void>;
  /**
   * Turns readiness off, and serves for a moment more: clients that keep connections hear that they have to open others,
   * instead of losing a request on one that ends just then.
   */
  drain(): Promise<void>;
  /**
   * Turns readiness off, finishes what is in flight, ends the workers. After half of the time that there is, long work is
   * told to end, near the end all work, and in the end the connections. It resolves when no thread is left that
   * the end of the process could meet in native code.
   */
  close(): Promise<void>;
}

/**
 * Builds the service. Nothing listens yet; the networks that are not put off begin to load.
 * @throws OperatorError when the model's files are missing or altered
 */
export async function createApp(config: Config, logger: Logger): Promise<App> {
  withholdTelemetry();
  const { text } = config;
  const { files, detector } = await findFiles(config);
  const metrics = new Metrics();
  const traces = config.traces ? await startTraces(version) : undefined;
  let ready = false;
  const unready = () => {
    ready = false;
  };
  const watch = (lane: string) => watched(lane, metrics, logger, unready);
  const lanes = createLanes(config, files, detector, watch);

  const pixels = new PixelBudget(config.images.maxPixelsInFlight);
  const imagesOf = (model: string) =>
    new ImageAdmission(lanes.encode.of(model), config.images, pixels);
  const pictures = new PictureAdmission(lanes.picture, config.images, pixels);

  const fleet = config.shared && (await joinFleet(config, config.shared, metrics, logger));
  const stores = createStores(config.cache, fleet?.store, metrics, logger);
  const makerOf = (model: string) => {
    const images = imagesOf(model);
    const local = new LocalMaker(images, stores.all);
    return fleet?.makerOf(model, { local, images, store: stores.all }) ?? local;
  };
  const shared = { lanes, store: stores.all, makerOf, metrics, logger };
  const models = createModels(config, files, detector, shared);
  fleet?.start(async (key) => {
    const underWay = models.forget(key);
    return (await stores.forget(key)) || underWay;
  });
  const ownLogits = new LogitsStore(config.logits.bytes, config.logits.ttlMs);
  const logits = fleet?.logits(ownLogits) ?? ownLogits;
  const predictor = new Predictor(lanes.decode, logits, config.prompts);
  const texts = lanes.find && text && new TextPredictor(lanes.find, predictor, text.maxTexts);
  const guide = lanes.find && text && new Guide(lanes.find, text.maxTexts);
  const cutouts = new Cutouts(pictures, AMBIGUOUS_MASKS * config.images.maxPixels);
  const generator = new MaskGenerator(lanes.decode, config.everything);

  const ledger = new Ledger(config.ledger);
  const guard = guardMemory(config.maxResidentBytes, stores, logger);
  const uploads = new Uploads(config.images.maxBytes);
  const keys = config.keysFile ? watchKeys(config.keysFile, logger) : undefined;
  metrics.watch({
    lanes: lanes.loads,
    tiers: stores.usages,
    uploads: () => ledger.held('body'),
    memory: (kind) => ledger.held(kind),
    pixels: () => pixels.taken,
    keysInvalid: () => keys?.invalid ?? false,
  });

  let draining = false;
  // The workers load the networks while this thread makes the server, of which each takes a second.
  const loading = config.models.atStart ? beginLoading(models) : undefined;
  const server = await createServer(
    {
      models,
      segmenter: new Segmenter(models, predictor, cutouts, pictures, texts),
      everything: new Everything(models, generator, pictures, guide),
      decoderFiles: new DecoderFiles(lanes.decode),
      ledger,
      uploads,
      remote: imageUrls(config.remote),
      counts: metrics,
      ...(traces && { trace: traces.request }),
      room: {
        images: (caller) => {
          guard.check();
          if (fleet?.checkRoom) fleet.checkRoom(caller);
          else lanes.encode.checkRoom(caller);
        },
        prompts: (caller) => lanes.decode.checkRoom(caller),
      },
      ready: () => ready && !draining,
      draining: () => draining,
    },
    { ...config.http, ...fleet?.access, page: built(config.http.page), logger, version, keys },
  ).catch(async (error) => {
    await lanes.close(); // The process is not to end while a worker is in native code.
    throw error;
  });

  return {
    server,
    async warmUp() {
      await stores.disk?.open();
      await loading;
      collectGarbage(); // The files of networks, which the workers have by now.
      ready = true;
      logger.info({ models: config.models.names }, 'ready');
    },
    async drain() {
      draining = true;
      await after(DRAIN_MS);
    },
    async close() {
      draining = true;
      keys?.close();
      const graceMs = config.shutdownMs;
      const steps = [
        setTimeout(() => generator.stop(), LONG_WORK_ENDS * graceMs),
        setTimeout(() => lanes.stop(), ALL_WORK_ENDS * graceMs),
        setTimeout(() => server.server.closeAllConnections(), graceMs),
      ];
      await server.close();
      await lanes.close();
      await stores.disk?.close();
      await fleet?.close();
      await traces?.close();
      for (const step of steps) clearTimeout(step);
    },
  };
}

/** Model by model: each knows what memory it took. Of a failure those hear who wait for it. */
function beginLoading({ all }: Models): Promise<void> {
  const load = async () => {
    for (const model of all) {
      await model.load();
      await model.features?.load();
    }
  };
  const loaded = load();
  loaded.catch(() => {});
  return loaded;
}

/** Images from the hosts that are allowed, of which there may be none. */
function imageUrls({ hosts, timeoutMs }: Config['remote']): ImageUrls {
  return new ImageUrls({ hosts: new AllowedHosts(hosts), timeoutMs });
}

/** Drops embeddings when the process has more than `maxBytes`. */
function guardMemory(maxBytes: number, { memory }: Stores, logger: Logger) {
  return new MemoryGuard(maxBytes, (excess) => {
    memory.shrink(SHARE_LET_GO);
    collectGarbage();
    const cached = memory.usage.bytes;
    logger.warn({ excess, cached }, 'memory is short: embeddings were dropped');
  });
}

/** What is shared with other processes. Its libraries are loaded here, and where nothing is shared they are not. */
async function joinFleet(
  ...config: Parameters<typeof import('./parts/fleet.js').createFleet>
): Promise<import('./parts/fleet.js').Fleet> {
  const { createFleet } = await import('./parts/fleet.js');
  return createFleet(...config);
}

/** The page's folder, if the page has been built. */
function built(folder: string | undefined): string | undefined {
  return folder && existsSync(join(folder, 'index.html')) ? folder : undefined;
}

/** The keys of a file, read again when it changes. */
function watchKeys(file: string, logger: Logger): ApiKeys {
  const keys = new ApiKeys(file);
  keys.watch((error) => {
    if (error) logger.error({ err: error }, 'the keys file is wrong: the keys of before stay');
    else logger.info('keys read');
  });
  return keys;
}
