import { LRUCache } from 'lru-cache';
import { Piscina } from 'piscina';
import type { Provider } from '../../core/device.js';
import { type Embedding, entryName, tensorOf } from '../../core/embedding.js';
import { violation } from '../../core/errors.js';
import type {
  FindExample,
  FindTask,
  Found,
  NamedBoxes,
  NameTask,
  Proposal,
  ProposeTask,
} from '../../core/find/find.js';
import { onceEach } from '../../core/once-each.js';
import { exemplarQuery } from '../../detections/exemplar.js';
import { Features } from '../../detections/features.js';
import { meets } from '../../detections/filter.js';
import { packed } from '../../detections/naming.js';
import {
  answering,
  type Frame,
  selectDetections,
  selectProposals,
} from '../../detections/selection.js';
import { textTowerNetwork } from '../../engine/detector/checkpoint.js';
import type { DetectorPaths } from '../../engine/detector/files.js';
import { QueryEncoder } from '../../engine/detector/query-encoder.js';
import { readTokenizer } from '../../engine/detector/tokenizer.js';
import type { SessionOptions } from '../../engine/session.js';
import type { OwlArchitecture } from '../../owl/architecture.js';
import { inTemplates } from '../../owl/templates.js';
import type { Tokens } from '../../owl/tokenizer.js';
import { type Outcome, settle } from './outcome.js';

/** What the worker that reads texts is given when it starts. */
export interface FindSettings {
  readonly architecture: OwlArchitecture;
  /** Whether images are padded to the detector's square, or stretched to it. */
  readonly isPadded: boolean;
  readonly paths: DetectorPaths;
  readonly session: SessionOptions;
}

/** Queries that are remembered, at 2 kB each. */
const MOST_QUERIES = 4096;
/** Images whose features are ready, at 7.5 MB each with the base model. */
const MOST_IMAGES = 4;
/** The start and the end. */
const NO_WORDS = 2;

const settings = Piscina.workerData as FindSettings;
const queries = new LRUCache<string, Float32Array>({ max: MOST_QUERIES });
const images = new LRUCache<string, Features>({ max: MOST_IMAGES });

/** The worker's tokenizer and text tower, whatever the detector is called. */
const opened = onceEach(async (_detector: 'its') => {
  const { architecture, paths, session } = settings;
  const tokenizer = readTokenizer(paths, architecture);
  const encoder = await QueryEncoder.open(textTowerNetwork(paths.weights, architecture), session);
  return { tokenizer, encoder };
});

const open = () => opened('its');

export function load(): Promise<Outcome<Provider>> {
  return settle(async () => (await open()).encoder.provider);
}

export function warmUp(): Promise<Outcome<void>> {
  return settle(async () => {
    const { tokenizer, encoder } = await open();
    await encoder.run([tokenizer.encode('a thing').ids]);
  });
}

export async function find(tasks: readonly FindTask[]): Promise<Outcome<Found>[]> {
  const outcomes: Outcome<Found>[] = [];
  for (const task of tasks) outcomes.push(await settle(() => findOne(task)));
  return outcomes;
}

async function findOne(task: FindTask): Promise<Found> {
  const { features, phrases, example, options, filter, path } = task;
  const start = performance.now();
  const read = await readPhrases(phrases, options.templates, (i) =>
    phrases.length > 1 ? `${path}/${i}` : path,
  );
  const asked = example ? [queryOf(example, path)] : await queriesOf(read);
  const text_ms = performance.now() - start;
  const known = featuresOf(features);
  const detections = selectDetections(known, asked, frameOf(features), options, (box) =>
    meets(box, filter),
  );
  const match_ms = performance.now() - start - text_ms;
  return { detections, cut: cutOf(read), timings: { text_ms, match_ms } };
}

export function name(tasks: readonly NameTask[]): Promise<Outcome<NamedBoxes>[]> {
  return Promise.all(tasks.map((task) => settle(() => nameOne(task))));
}

async function nameOne({ features, phrases, options, path }: NameTask): Promise<NamedBoxes> {
  const { threshold, templates } = options;
  const read = await readPhrases(phrases, templates, (i) => `${path}/${i}`);
  const asked = await queriesOf(read);
  const found = answering(featuresOf(features), asked, frameOf(features), threshold);
  return { boxes: packed(found), cut: cutOf(read) };
}

export function propose(tasks: readonly ProposeTask[]): Promise<Outcome<readonly Proposal[]>[]> {
  return Promise.all(
    tasks.map(({ features, path, ...limits }) =>
      settle(async () => {
        const found = selectProposals(featuresOf(features), frameOf(features), limits);
        if (found) return found;
        const message = 'needs a model that tells objectness: OWLv2 does, OWL-ViT does not';
        throw violation('invalid-request', path, message);
      }),
    ),
  );
}

/**
 * Each phrase, or each of its templates, as tokens.
 * @param pathOf a JSON pointer to a phrase. @throws SamError `prompt-invalid` for one without words
 */
async function readPhrases(
  phrases: readonly string[],
  templates: boolean,
  pathOf: (place: number) => string,
): Promise<Tokens[][]> {
  const { tokenizer } = await open();
  return phrases.map((phrase, i) => {
    const texts = templates ? inTemplates(phrase) : [phrase];
    const tokens = texts.map((text) => tokenizer.encode(text));
    if (tokens.length === 0 || tokens.some(({ ids }) => ids.length === NO_WORDS)) {
      throw violation(
        'prompt-invalid',
        pathOf(i),
        'has no words: send a noun phrase, such as "a wheel"',
      );
    }
    return tokens;
  });
}

function cutOf(read: readonly (readonly Tokens[])[]): number[] {
  return [...read.keys()].filter((i) => read[i]?.some(({ isCut }) => isCut));
}

/** @throws SamError `prompt-invalid` where nothing is in the example's box */
function queryOf({ features, box }: FindExample, path: string): Float32Array {
  const exemplar = exemplarQuery(featuresOf(features), frameOf(features), box);
  if (exemplar) return exemplar.query;
  throw violation('prompt-invalid', path, 'has nothing in its box: draw it around an object');
}

/** The features of an image, read when it is asked about for the first time. */
function featuresOf(embedding: Embedding): Features {
  const key = entryName(embedding);
  const known = images.get(key);
  if (known) return known;
  const features = new Features({
    class_embeds: tensorOf(embedding, 'class_embeds'),
    proposals: tensorOf(embedding, 'proposals'),
  });
  images.set(key, features);
  return features;
}

function frameOf({ image }: Embedding): Frame {
  return { image, isPadded: settings.isPadded };
}

/** For each phrase the mean of its texts' queries, which is not made longer again: logits are linear in it. */
async function queriesOf(read: readonly (readonly Tokens[])[]): Promise<Float32Array[]> {
  const missing = new Map<string, readonly number[]>();
  const found = new Map<string, Float32Array>();
  for (const { ids } of read.flat()) {
    const key = ids.join();
    const query = queries.get(key);
    if (query) found.set(key, query);
    else missing.set(key, ids);
  }
  const { encoder } = await open();
  const made = await encoder.run([...missing.values()]);
  for (const [i, key] of [...missing.keys()].entries()) {
    const query = made[i] as Float32Array;
    queries.set(key, query);
    found.set(key, query);
  }
  return read.map((tokens) => mean(tokens.map(({ ids }) => found.get(ids.join()) as Float32Array)));
}

function mean(vectors: readonly Float32Array[]): Float32Array {
  const [first] = vectors as [Float32Array];
  if (vectors.length === 1) return first;
  return first.map(
    (_, c) => vectors.reduce((sum, vector) => sum + (vector[c] as number), 0) / vectors.length,
  );
}
