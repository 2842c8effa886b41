import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { labelOf } from '../../core/masks/mask-name.js';
import { serializeMask } from '../../core/masks/mask-shape.js';
import type { EverythingRun } from '../../service/everything/everything.js';
import type { EverythingEvent } from '../../service/everything/everything-job.js';
import { asSamError } from '../framework-errors.js';
import { problemOf } from '../problems.js';
import { GEOJSON, JSON_TYPE_UTF8, NDJSON } from '../schemas/media-types.js';
import type { Pieces } from './pieces.js';

const NOTHING_FOUND =
  'no mask passed the thresholds: lower pred_iou_thresh or stability_score_thresh, or ask for more points';

/** The category of objects without a name. */
const UNNAMED = 'object';

/** Sends what everything mode finds, as it was asked for. */
export async function sendEverything(
  reply: FastifyReply,
  run: EverythingRun,
  shape: 'list' | 'coco' | 'collection' | 'events',
): Promise<FastifyReply> {
  const { embedding, events } = run;
  const head = { embedding_id: embedding.id, ...embedding.image };
  if (shape === 'events') {
    reply.type(NDJSON).header('cache-control', 'no-cache');
    return reply.send(Readable.from(eventLines(head, run, reply.request)));
  }
  // Whether and how much there is to answer is known before the first mask is written.
  await untilDone(events);
  if (shape === 'collection') {
    reply.type(GEOJSON).header('x-embedding-id', embedding.id);
    return reply.send(Readable.from(featureCollection(events)));
  }
  const pieces =
    shape === 'coco' ? cocoFile(head, run) : maskList(head, run, () => reply.elapsedTime);
  return reply.type(JSON_TYPE_UTF8).send(Readable.from(pieces));
}

/** The events as lines of JSON. Once they flow there is no other way to tell of a failure. */
async function* eventLines(
  start: object,
  { events, warnings }: EverythingRun,
  request: FastifyRequest,
): Pieces {
  const line = (event: object) => `${JSON.stringify(event)}\n`;
  yield line({ type: 'start', ...start });
  try {
    for await (const event of events) {
      if (event.type === 'mask') yield line({ type: 'mask', id: event.id, ...event.mask });
      else if (event.type === 'done') {
        yield line({ ...event, ...warned(warnings, event.ids.length > 0) });
      } else yield line(event);
    }
  } catch (error) {
    if (request.caller.signal.aborted) return;
    const known = asSamError(error as Error);
    if (known.code === 'internal') request.log.error({ err: error }, 'request failed');
    yield line({ type: 'error', problem: problemOf(known, request.id) });
  }
}

/** Reads events up to the one that says which masks stay; the masks follow it. */
async function untilDone(events: AsyncGenerator<EverythingEvent, void>): Promise<void> {
  for (;;) {
    const { value, done } = await events.next();
    if (done) throw new Error('the work ended without a result');
    if (value.type === 'done') return;
  }
}

/** The answer as JSON, mask by mask as they are written. */
async function* maskList(
  head: object,
  { events, warnings }: EverythingRun,
  elapsed: () => number,
): Pieces {
  yield `${JSON.stringify(head).slice(0, -1)},"masks":[`;
  let comma = '';
  for await (const event of events) {
    if (event.type === 'mask') yield comma + JSON.stringify(event.mask);
    comma = ',';
  }
  const end = { ...warned(warnings, comma !== ''), timings: { total_ms: Math.round(elapsed()) } };
  yield `],${JSON.stringify(end).slice(1)}`;
}

/** What there is to say for people, if anything. */
function warned(warnings: readonly string[], isFound: boolean): { warnings?: readonly string[] } {
  const all = isFound ? warnings : [...warnings, NOTHING_FOUND];
  return all.length > 0 ? { warnings: all } : {};
}

/** All masks as one FeatureCollection. */
async function* featureCollection(masks: AsyncIterable<EverythingEvent>): Pieces {
  yield '{"type":"FeatureCollection","features":[';
  let comma = '';
  for await (const event of masks) {
    if (event.type !== 'mask') continue;
    yield comma + serializeMask(event.mask.segmentation, 'feature');
    comma = ',';
  }
  yield ']}';
}

/**
 * All masks as a COCO file of one image: numbered from 1 in the order of the masks, with their scores beside what COCO says
 * of them. Each label is a category; the first is that of objects without a name.
 */
async function* cocoFile(
  { embedding_id, width, height }: { embedding_id: string; width: number; height: number },
  { events, labels }: EverythingRun,
): Pieces {
  const images = [{ id: 1, file_name: embedding_id, width, height }];
  const names = [...new Set([UNNAMED, ...labels.map(labelOf)])];
  const categories = names.map((name, i) => ({ id: i + 1, name }));
  yield `${JSON.stringify({ images, categories }).slice(0, -1)},"annotations":[`;
  let id = 0;
  for await (const event of events) {
    if (event.type !== 'mask') continue;
    const category_id = names.indexOf(event.mask.label ?? UNNAMED) + 1;
    const annotation = { id: ++id, image_id: 1, category_id, iscrowd: 0, ...event.mask };
    yield (id > 1 ? ',' : '') + JSON.stringify(annotation);
  }
  yield ']}';
}
