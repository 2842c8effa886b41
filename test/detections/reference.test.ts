import t, { type Test } from 'tap';
import {
  DETECTION_DEFAULTS,
  type Detection,
  type DetectorOutput,
} from '#src/core/find/detection.js';
import type { Dtype } from '#src/core/tensors/tensor.js';
import { classLogits, sigmoid } from '#src/detections/class-logits.js';
import { exemplarQuery } from '#src/detections/exemplar.js';
import { Features, toFeatures } from '#src/detections/features.js';
import { answering, selectDetections, selectProposals } from '#src/detections/selection.js';
import { imageTowerNetwork, textTowerNetwork } from '#src/engine/detector/checkpoint.js';
import { Detector } from '#src/engine/detector/detector.js';
import { QueryEncoder } from '#src/engine/detector/query-encoder.js';
import { Tokenizer } from '#src/owl/tokenizer.js';
import {
  expected,
  misfit,
  referenceArchitecture,
  referenceHeads,
  referencePath,
  referencePixels,
  referenceText,
  skip,
} from '../owl/fixtures/reference.js';
import { maxDifference } from '../sam/fixtures/decoders.js';

const OPTIONS = { device: 'cpu', threads: 2, gpuTurn: new SharedArrayBuffer(4) } as const;
const WEIGHTS = referencePath('model.safetensors');

async function outputsOf(imageSize: number): Promise<Record<string, DetectorOutput>> {
  const architecture = referenceArchitecture();
  const network = imageTowerNetwork(WEIGHTS, architecture, { imageSize, precision: 'float32' });
  const detector = await Detector.open(network, imageSize, OPTIONS);
  const outputs: Record<string, DetectorOutput> = {};
  for (const file of Object.keys(expected().photos)) {
    outputs[file] = await detector.run(await referencePixels(file, imageSize));
  }
  return outputs;
}

async function queries(): Promise<Float32Array[]> {
  const architecture = referenceArchitecture();
  const [vocabulary, merges] = [referenceText('vocab.json'), referenceText('merges.txt')];
  const tokenizer = new Tokenizer(vocabulary, merges, architecture.text);
  const encoder = await QueryEncoder.open(textTowerNetwork(WEIGHTS, architecture), OPTIONS);
  return encoder.run(expected().text.map(({ text }) => tokenizer.encode(text).ids));
}

/** Column `from` to `to` of the heads, row by row. */
function columns(heads: Float32Array, from: number, to: number): Float32Array {
  return heads.filter((_, at) => at % 10 >= from && at % 10 < to);
}

function featuresOf(output: DetectorOutput, dtype: Dtype = 'float32'): Features {
  return new Features(toFeatures(output, dtype));
}

/** Patches by how likely they hold anything at all. */
function byObjectness(features: Features): { patch: number; score: number }[] {
  return Array.from({ length: features.patches }, (_, patch) => ({
    patch,
    score: sigmoid(features.objectness(patch)),
  })).sort((a, b) => b.score - a.score);
}

/** [P,Q] */
function logitsOf(features: Features, of: readonly Float32Array[]): Float32Array {
  const logits = classLogits(features, of);
  return Float32Array.from({ length: features.patches * of.length }, (_, at) => {
    const [patch, query] = [Math.floor(at / of.length), at % of.length];
    return logits[query]?.[patch] as number;
  });
}

function same(
  t: Test,
  found: readonly Detection[],
  right: readonly Detection[],
  tolerance: { readonly score: number; readonly pixels: number },
): void {
  t.same(
    found.map(({ patch, label }) => [patch, label]),
    right.map(({ patch, label }) => [patch, label]),
  );
  for (const [i, { score, box }] of right.entries()) {
    const other = found[i] as Detection;
    t.ok(Math.abs(other.score - score) <= tolerance.score, `score of patch ${other.patch}`);
    const off = Math.max(...box.map((side, at) => Math.abs((other.box[at] as number) - side)));
    t.ok(off <= tolerance.pixels, `box of patch ${other.patch} is off by ${off} pixels`);
  }
}

t.test('from photograph and text to what is found', { skip }, async (t) => {
  const [outputs, asked] = [await outputsOf(240), await queries()];
  for (const [file, { width, height, selected, stages, ...photo }] of Object.entries(
    expected().photos,
  )) {
    const output = outputs[file] as DetectorOutput;
    const heads = referenceHeads(file);
    t.ok(misfit(output.classEmbeds, stages['class_embeds'] as never) <= 1, `${file}: embeds`);
    t.ok(maxDifference(output.boxes, columns(heads, 5, 9)) <= 2e-5, `${file}: boxes`);
    t.ok(
      maxDifference(output.objectness as Float32Array, columns(heads, 9, 10)) <= 2e-4 * 6,
      `${file}: objectness`,
    );
    const features = featuresOf(output);
    const difference = maxDifference(logitsOf(features, asked), columns(heads, 0, 5));
    t.ok(difference <= 5e-4, `${file}: class logits are off by ${difference}`);

    const frame = { image: { width, height }, isPadded: true };
    const found = selectDetections(features, asked, frame, DETECTION_DEFAULTS);
    same(t, found, selected, { score: 1e-4, pixels: 0.05 });
    // The rule of transformers: neither overlaps nor edges matter, and patches go by their number.
    const theirs = photo['post_process_0.1'];
    for (const { patch, box } of theirs) {
      const ours = features.box(patch, frame.image, true);
      t.ok(ours.every((side, i) => Math.abs(side - (box[i] as number)) <= 0.05));
    }
    const isInside = ([x1, y1, x2, y2]: Detection['box']) =>
      Math.max(x1, 0) < Math.min(x2, width) && Math.max(y1, 0) < Math.min(y2, height);
    const answers = answering(features, asked, frame, 0.1);
    const inside = theirs.filter(({ box }) => isInside(box));
    same(
      t,
      answers.map((each) => ({ ...each, box: features.box(each.patch, frame.image, true) })),
      inside,
      { score: 1e-4, pixels: 0.05 },
    );
    const proposals = selectProposals(features, frame, { nms: 1, most: 1000 }) ?? [];
    const likely = byObjectness(features).filter(({ patch }) =>
      isInside(features.box(patch, frame.image, true)),
    );
    t.same(
      proposals.map(({ objectness }) => objectness),
      likely.map(({ score }) => score),
      'proposals go by objectness',
    );
    const best = byObjectness(features).slice(0, photo.by_objectness.length);
    t.same(
      best.map(({ patch }) => patch),
      photo.by_objectness.map(({ patch }) => patch),
    );
    for (const [i, { objectness }] of photo.by_objectness.entries()) {
      t.ok(Math.abs((best[i]?.score as number) - objectness) <= 1e-4);
    }
  }
});

t.test('class vectors in 16 bits hardly change what is found', { skip }, async (t) => {
  const [outputs, asked] = [await outputsOf(240), await queries()];
  for (const [file, { width, height, selected }] of Object.entries(expected().photos)) {
    const features = featuresOf(outputs[file] as DetectorOutput, 'float16');
    const logits = logitsOf(features, asked);
    const difference = maxDifference(logits, columns(referenceHeads(file), 0, 5));
    t.ok(difference > 5e-6 && difference <= 2e-3, `${file}: logits are off by ${difference}`);
    const frame = { image: { width, height }, isPadded: true };
    const found = selectDetections(features, asked, frame, DETECTION_DEFAULTS);
    same(t, found, selected, { score: 3e-4, pixels: 0.05 });
  }
});

t.test('an example asks for more of the same', { skip }, async (t) => {
  const { photos, image_guided } = expected();
  const outputs = await outputsOf(240);
  for (const { source, box, candidates, patch, target, logits, top5, ...right } of image_guided) {
    const { width, height } = photos[source] as { width: number; height: number };
    const frame = { image: { width, height }, isPadded: true };
    const features = featuresOf(outputs[source] as DetectorOutput);
    const found = exemplarQuery(features, frame, box);
    t.match(found, { patch, candidates });
    const predicted = features.box(patch, frame.image, true);
    t.ok(predicted.every((side, i) => Math.abs(side - (right.predicted_box[i] as number)) <= 0.05));

    const other = featuresOf(outputs[target] as DetectorOutput);
    const [answers] = classLogits(other, [found?.query as Float32Array]) as [Float32Array];
    t.ok(misfit(answers, logits, 5e-4) <= 1);
    const order = [...answers.keys()].sort((a, b) => (answers[b] ?? 0) - (answers[a] ?? 0));
    t.same(
      order.slice(0, 5),
      top5.map((each) => each.patch),
    );
    const aim = photos[target] as { width: number; height: number };
    for (const { patch: at, score, box: there } of top5) {
      t.ok(Math.abs(sigmoid(answers[at] as number) - score) <= 1e-4);
      const seen = other.box(at, aim, true);
      t.ok(seen.every((side, i) => Math.abs(side - (there[i] as number)) <= 0.05));
    }
  }
  const features = featuresOf(outputs['tall.png'] as DetectorOutput);
  const frame = { image: { width: 203, height: 361 }, isPadded: true };
  t.equal(exemplarQuery(features, frame, [1e5, 1e5, 1e5 + 1, 1e5 + 1]), undefined);
});

t.test('a smaller picture takes the upper left of the grid', { skip }, async (t) => {
  const { 'truck.jpg': output } = await outputsOf(160);
  const { stages } = expected().reduced;
  const { classEmbeds, boxes, objectness } = output as DetectorOutput;
  t.ok(misfit(classEmbeds, stages['class_embeds'] as never) <= 1);
  t.ok(misfit(objectness, stages['objectness_logits'] as never) <= 1);
  t.ok(misfit(boxes, stages['boxes'] as never, 2e-5) <= 1);
  const logits = logitsOf(featuresOf(output as DetectorOutput), await queries());
  t.ok(misfit(logits, stages['class_logits'] as never, 5e-4) <= 1);
});
