import type { RunLengths } from '../core/masks/run-lengths.js';
import type { Box } from '../core/prompt.js';
import type { LabelledObject } from '../labels/labelled-object.js';
import { decompress, toImage } from '../masks/formats/rle.js';
import { iouOfMasks } from '../masks/overlap.js';
import { ClickSession, firstClick, type Label } from './click-session.js';
import { type MeasuredObject, type ObjectMasks, type Score, sizeOf } from './measured.js';
import { hastyBox } from './noise.js';
import type { Answer, EmbeddedImage, Question, ServiceClient } from './service/service-client.js';

/** Objects of an image that are measured together, and pixels of their labels. */
const TOGETHER = 16;
const MOST_PIXELS = 2 ** 26;

/** What a model made of an object, and its masks. */
export interface Measurement {
  readonly object: MeasuredObject;
  readonly masks: ObjectMasks;
}

/**
 * Measures objects of one image by all protocols, many at once: the service answers their prompts together.
 * @param name of the image. @param seed of the noise of boxes.
 */
export async function measureObjects(
  service: ServiceClient,
  image: EmbeddedImage,
  name: string,
  objects: readonly LabelledObject[],
  seed: number,
): Promise<Measurement[]> {
  const pixels = image.width * image.height;
  const size = Math.min(TOGETHER, Math.max(1, Math.floor(MOST_PIXELS / pixels)));
  const measured: Measurement[] = [];
  while (measured.length < objects.length) {
    const some = objects.slice(measured.length, measured.length + size);
    const noisy = some.map(({ box, id }) => hastyBox(box, image, seed, id));
    const found = await ask(service, image, some, noisy);
    measured.push(
      ...found.map((one, i) =>
        measurementOf(some[i] as LabelledObject, name, noisy[i] as Box, one),
      ),
    );
  }
  return measured;
}

/** What is answered about one object. */
interface Found {
  readonly runs: RunLengths;
  readonly three: readonly Answer[];
  readonly box: Answer;
  readonly noisy: Answer;
  readonly plain: ClickSession;
  readonly fed: ClickSession;
}

/** @param noisy a box of each object. */
async function ask(
  service: ServiceClient,
  image: EmbeddedImage,
  objects: readonly LabelledObject[],
  noisy: readonly Box[],
): Promise<Found[]> {
  const labels = objects.map((object) => labelOf(object));
  const clicks = labels.map(firstClick);
  const points: Question[] = clicks.map(([x, y]) => ({
    ...{ point_coords: [[x, y]], point_labels: [1] },
    multimask_output: true,
  }));
  const boxes: Question[] = [...objects.map(({ box }) => box), ...noisy].map((box) => ({
    box,
    multimask_output: false,
  }));
  const [threes, boxed] = await Promise.all([
    service.decode(image, points, true),
    service.decode(image, boxes, false),
  ]);
  const start = (withLogits: boolean) =>
    labels.map((label, i) => {
      const session = new ClickSession(label, withLogits);
      session.take(clicks[i] as ClickOf, threes[i]?.[0] as Answer);
      return session;
    });
  const [plain, fed] = [start(false), start(true)];
  // Either has the service busy while the other looks for its next clicks.
  await Promise.all([
    clickToEnd(service, image, plain, false),
    clickToEnd(service, image, fed, true),
  ]);
  return labels.map(({ runs }, i) => ({
    ...{ runs, three: threes[i] as Answer[] },
    box: boxed[i]?.[0] as Answer,
    noisy: boxed[objects.length + i]?.[0] as Answer,
    ...{ plain: plain[i] as ClickSession, fed: fed[i] as ClickSession },
  }));
}

function measurementOf(
  { id, category, area, box }: LabelledObject,
  image: string,
  noisyBox: Box,
  found: Found,
): Measurement {
  const { runs, plain, fed } = found;
  const three = found.three.map((answer) => ({ answer, ...scoreOf(answer, runs) }));
  const [first] = three as [(typeof three)[number]];
  // Of equals the one that the model likes better.
  const best = three.reduce((a, b) => (b.iou > a.iou ? b : a));
  return {
    object: {
      ...{ id, image, ...(category !== undefined && { category }) },
      ...{ area, size: sizeOf(area) },
      point: { iou: first.iou, predicted_iou: first.predicted_iou },
      oracle: { iou: best.iou, predicted_iou: best.predicted_iou },
      box: { ...scoreOf(found.box, runs), prompt: box },
      noisy_box: { ...scoreOf(found.noisy, runs), prompt: noisyBox },
      clicks: plain.scores,
      clicks_with_logits: fed.scores,
    },
    masks: {
      ...{ point: first.answer.counts, oracle: best.answer.counts, box: found.box.counts },
      ...{ clicks: plain.shown, clicks_with_logits: fed.shown },
    },
  };
}

type ClickOf = ReturnType<typeof firstClick>;

function labelOf(object: LabelledObject): Label {
  const { width, height } = object;
  const runs = object.mask();
  return { width, height, runs, pixels: toImage(runs, object) };
}

function scoreOf({ counts, predicted_iou }: Answer, label: RunLengths): Score {
  return { iou: iouOfMasks(decompress(counts), label), predicted_iou };
}

/** Click after click, those of all sessions together. */
async function clickToEnd(
  service: ServiceClient,
  image: EmbeddedImage,
  sessions: readonly ClickSession[],
  keep: boolean,
): Promise<void> {
  for (;;) {
    const next = sessions.flatMap((session) => {
      const step = session.next();
      return step ? [{ session, ...step }] : [];
    });
    if (next.length === 0) return;
    const questions = next.map(({ question }) => question);
    const answers = await service.decode(image, questions, keep);
    for (const [i, { session, click }] of next.entries()) {
      session.take(click, answers[i]?.[0] as Answer);
    }
  }
}
