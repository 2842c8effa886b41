import { Socket } from 'node:net';
import type { ImageSize } from '../../core/image.js';
import type { PackedRunLengths } from '../../core/masks/run-lengths.js';
import { colourChunks, withChunks } from '../../image/colour-chunks.js';
import { cropImage } from '../../image/crop.js';
import {
  type DecodedImage,
  decodeAsFile,
  decodeImage,
  decodeTransparent,
} from '../../image/decode.js';
import { toDetectorInput } from '../../image/owl/preprocess.js';
import { cutOut } from '../../image/pictures/cutout.js';
import { drawOverlay } from '../../image/pictures/overlay.js';
import { toModelSize } from '../../image/preprocess.js';
import { stretch } from '../../image/resize/stretch.js';
import { imageWarnings } from '../../image/warnings.js';
import { readRuns } from '../../masks/formats/rle.js';
import { settle } from '../jobs/outcome.js';
import { lowerPriority } from '../jobs/priority.js';
import { type Frame, receiveFrames, sendFrame } from './frames.js';
import type { Answer, Question, Reply } from './questions.js';

/** Images of more pixels leave so much behind that it is collected at once. */
const LARGE = 4_000_000;
const NONE = new Uint8Array(0);

// A process of its own, which can be killed while a library goes on and on in it.
lowerPriority();
const line = new Socket({ fd: 3 });
// Who asked is gone, and nothing else would stop what runs in other threads.
line.on('close', () => process.kill(process.pid, 'SIGKILL'));
line.on('error', () => line.destroy());
receiveFrames<Question>(line, (question) => void reply(question));
sendFrame<Reply>(line, { head: { ready: true }, parts: [] });

async function reply({ head, parts: [file, ...masks] }: Frame<Question>): Promise<void> {
  let pixels = 0;
  try {
    let made: readonly Uint8Array[] = [];
    const outcome = await settle(async () => {
      const start = performance.now();
      const whole = await decoderFor(head)(file as Uint8Array, head);
      pixels = whole.width * whole.height;
      const decode_ms = performance.now() - start;
      const { parts, ...answer } = await answerTo(head, whole, masks);
      // What the photograph says of its colours holds for what is made of it, but not for a network.
      const isPicture = head.kind === 'overlay' || head.kind === 'cutOut';
      const colours = isPicture ? colourChunks(file as Uint8Array) : NONE;
      made = parts.map((part) => withChunks(part, colours));
      return { ...answer, decode_ms };
    });
    sendFrame<Reply>(line, { head: outcome, parts: made });
  } catch (error) {
    const failed = error instanceof Error && error.stack ? error.stack : String(error);
    sendFrame<Reply>(line, { head: { failed }, parts: [] });
  }
  if (pixels > LARGE) globalThis.gc?.();
}

function decoderFor({ kind }: Question) {
  if (kind === 'overlay') return decodeAsFile;
  return kind === 'cutOut' ? decodeTransparent : decodeImage;
}

/** @param whole in three channels, or four for what becomes a picture. */
async function answerTo(
  question: Question,
  whole: DecodedImage,
  masks: readonly Uint8Array[],
): Promise<Omit<Answer, 'decode_ms'> & { parts: readonly Uint8Array[] }> {
  if (question.kind === 'prepare') {
    const image = question.crop ? cropImage(whole, question.crop) : whole;
    const { data, ...pixels } = toModelSize(image, question.side);
    return { image: sizeOf(image), pixels, warnings: imageWarnings(whole), parts: [data] };
  }
  if (question.kind === 'stretch') {
    const image = question.crop ? cropImage(whole, question.crop) : whole;
    const parts = [new Uint8Array(stretch(image, question.input).buffer)];
    return { image: sizeOf(image), warnings: imageWarnings(whole), parts };
  }
  if (question.kind === 'detect') {
    const { buffer } = toDetectorInput(whole, question.input);
    const parts = [new Uint8Array(buffer)];
    return { image: sizeOf(whole), warnings: imageWarnings(whole), parts };
  }
  const parts: Uint8Array[] = [];
  if (question.kind === 'overlay') {
    parts.push(await drawOverlay(whole, eachRead(masks), question.prompts));
  } else {
    // One after the other: each takes four bytes a pixel while it is made.
    for (const mask of masks) parts.push(await cutOut(whole, readRuns(mask)));
  }
  return { image: sizeOf(whole), parts };
}

/** One after the other: the runs of a mask may take more room than the image. */
function* eachRead(masks: readonly Uint8Array[]): Generator<PackedRunLengths> {
  for (const mask of masks) yield readRuns(mask);
}

function sizeOf({ width, height }: ImageSize): ImageSize {
  return { width, height };
}
