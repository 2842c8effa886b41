import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Caller } from '../core/caller.js';
import { OperatorError } from '../core/errors.js';
import { fingerprintOf } from '../core/family/model.js';
import { detectorFingerprint } from '../core/find/detector-model.js';
import { withholdTelemetry } from '../engine/telemetry.js';
import { type Encode, EncodeWorker } from '../fleet/queue/encode-worker.js';
import type { JobReport } from '../fleet/queue/job-report.js';
import { checkRoles } from '../fleet/roles.js';
import { createStatusServer } from '../http/status-server.js';
import { JobMetrics } from '../observe/fleet-metrics.js';
import { Metrics } from '../observe/metrics.js';
import { startTraces } from '../observe/traces.js';
import { ImageAdmission, PixelBudget } from '../service/image-admission.js';
import { Ledger } from '../service/memory/ledger.js';
import { connectQueue, createShared } from './fleet.js';
import { createEncodeLane, watched } from './lanes.js';
import { defaultBatch, findFiles } from './models.js';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);

/** What steps are called in a trace, where not by their timing. */
const STEPS: Readonly<Record<string, string>> = { decode_ms: 'decode image' };

/** Of an encode, before there was one. */
const FIRST_GUESS_MS = 1000;

/** An encode worker: it takes images from the queue and leaves embeddings in the shared store. */
export interface Encoder {
  /** Loads the networks, and begins to take jobs. @throws OperatorError when one does not load */
  start(): Promise<void>;
  /** Takes no more jobs, finishes those that it has, and ends the workers. */
  close(): Promise<void>;
}

/**
 * @param onDeviceLost told when the device is lost on which the networks run: every job would fail here.
 * @throws OperatorError when the models' files are missing or altered, or there is no Redis to share
 */
export async function createEncoder(
  config: Config,
  logger: Logger,
  onDeviceLost: () => void,
): Promise<Encoder> {
  withholdTelemetry();
  if (!config.shared) {
    throw new OperatorError('SAM_REDIS_URL: an encode worker needs it, to leave embeddings there');
  }
  const { encodeLane } = config;
  const { precision, dtype } = encodeLane;
  const { files, detector } = await findFiles(config);
  const metrics = new Metrics();
  const traces = config.traces ? await startTraces(version) : undefined;
  let ready = false;
  const watch = watched('encode', metrics, logger, () => {
    ready = false;
    onDeviceLost();
  });
  const lane = createEncodeLane(config, files, detector, watch);
  const pixels = new PixelBudget(config.images.maxPixelsInFlight);
  // Jobs are bounded: together they may have all that there is.
  const ledger = new Ledger({ ...config.ledger, maxClientBytes: config.ledger.maxBytes });
  metrics.watch({
    lanes: { encode: () => lane.load },
    tiers: {},
    uploads: () => 0,
    memory: (kind) => ledger.held(kind),
    pixels: () => pixels.taken,
    keysInvalid: () => false,
  });

  const lanes = new Map<string, { fingerprint: string; encode: Encode }>();
  const add = (name: string, fingerprint: string) => {
    const images = new ImageAdmission(lane.of(name), config.images, pixels);
    lanes.set(name, { fingerprint, encode: encoding(images, ledger) });
  };
  for (const { manifest } of files) add(manifest.name, fingerprintOf(manifest, precision, dtype));
  if (detector) {
    const { manifest, sha256, imageSize } = detector;
    const made = { sha256, imageSize, precision, dtype };
    add(manifest.name, detectorFingerprint(manifest, made));
  }

  const shared = createShared(config.shared, metrics, logger);
  const queue = connectQueue(config.queue.url, shared.counts, logger);
  const one = config.shared.url === config.queue.url;
  void checkRoles({ shared: shared.redis, queue: queue.redis }, one, logger);
  const jobs = new JobMetrics(metrics.registry);
  let batch = 1;
  let encodeMs = FIRST_GUESS_MS;
  let worker: EncodeWorker | undefined;
  const status = createStatusServer(
    () => ready,
    () => metrics.expose(),
  );

  const onJob = (job: JobReport) => {
    jobs.job(job);
    const { encode_ms } = job.timings;
    if (encode_ms !== undefined) encodeMs += 0.2 * (encode_ms - encodeMs);
    const { trace, start, timings, ...line } = job;
    logger.info(line, 'job ended');
    if (!trace) return;
    const { lane: name, requestId, outcome, attempts, waitMs, runMs } = job;
    const steps = Object.entries(timings).map(
      ([step, ms]) => [STEPS[step] ?? step.replace(/_ms$/, ''), ms] as const,
    );
    const attributes = { 'sam.lane': name, 'sam.attempts': attempts, 'sam.wait_ms': waitMs };
    const failed = outcome === 'failed' || outcome === 'abandoned';
    const span = { name: 'encode job', parent: trace, requestId, failed, attributes };
    traces?.job({ ...span, start, ms: runMs, steps });
  };

  return {
    async start() {
      await status.listen(config.address);
      for (const { manifest } of files) {
        const { name } = manifest;
        const provider = await lane.loadModel(name, (on) => encodeLane.batch ?? defaultBatch(on));
        batch = encodeLane.batch ?? defaultBatch(provider);
        await lane.warmUp(name);
        metrics.provider(name, 'encoder', provider);
        logger.info({ model: name, encoder: provider }, 'loaded');
      }
      if (detector) {
        await lane.loadDetector(detector.manifest.name);
        await lane.warmUp(detector.manifest.name);
      }
      worker = new EncodeWorker({
        ...{ redis: queue.redis, patient: queue.patient, guard: queue.guard },
        ...{ shared: shared.store, lanes, logger, onJob },
        // While some are encoded, as many are prepared.
        concurrency: 2 * encodeLane.workers * batch,
        perSecond: () => (encodeLane.workers * batch * 1000) / encodeMs,
        onStalled: () => jobs.stalled(),
      });
      worker.start();
      ready = true;
      logger.info({ models: config.models.names }, 'ready');
    },
    async close() {
      ready = false;
      const late = setTimeout(() => void lane.stop(), config.shutdownMs);
      await worker?.close();
      await lane.close();
      clearTimeout(late);
      queue.close();
      shared.close();
      await traces?.close();
      await status.close();
    },
  };
}

/** Encodes for the queue, in an account of the job's own. */
function encoding(images: ImageAdmission, ledger: Ledger): Encode {
  return async (image, crop) => {
    const memory = ledger.open('queue');
    const caller: Caller = { client: 'queue', memory, signal: new AbortController().signal };
    try {
      return await (crop
        ? images.encodeCrop({ image, crop }, caller)
        : images.encode(image, caller));
    } finally {
      memory.close();
    }
  };
}
