import { preprocessShape } from '../../core/image.js';
import { LOW_RES_LOGITS, LOW_RES_SIDE } from '../../core/masks/low-res-mask.js';
import type { Box } from '../../core/prompt.js';
import { iouOfMasks } from '../../masks/overlap.js';
import { DECODER } from '../../sam/architecture.js';
import type { Weights } from '../../sam/weights/weights.js';
import type { EmbeddedImage, Embedder } from '../data/embedder.js';
import type { DecoderTrainer } from '../decoder-trainer.js';
import type { DecoderAnswer, FramePrompt } from '../feeds.js';
import { maskOf, promptInFrame } from '../frame.js';
import { CELL, lowResSize } from '../low-res-label.js';
import { type Random, randomFor } from '../random.js';
import type { Exercise } from './rounds.js';
import { likeliest, type TrainingObject } from './simulated-user.js';

/** Photographs that are asked about to see whether answers have changed, and clicks on each. */
const LOOKED_AT = 16;
const CLICKS = 8;

/** Photographs about which the decoder is to answer as it did before: its own masks are their labels. */
export class KeptPhotographs {
  readonly #images: readonly EmbeddedImage[];
  readonly #embedder: Embedder;
  readonly #trainer: DecoderTrainer;

  constructor(images: readonly EmbeddedImage[], embedder: Embedder, trainer: DecoderTrainer) {
    this.#images = images;
    this.#embedder = embedder;
    this.#trainer = trainer;
  }

  /** Objects of one photograph, as the decoder found them before at points that are drawn. */
  async exercise(objects: number, random: Random): Promise<Exercise> {
    const image = this.#images[Math.floor(random() * this.#images.length)] as EmbeddedImage;
    const embedding = await this.#embedder.read(image);
    const size = preprocessShape(image.size, DECODER.imageSize);
    const found = await this.#objects(image, embedding, objects, random);
    return { embedding, size, objects: found };
  }

  async #objects(
    image: EmbeddedImage,
    embedding: Float32Array,
    count: number,
    random: Random,
  ): Promise<TrainingObject[]> {
    const found: TrainingObject[] = [];
    // Where it finds nothing at all, another point is tried, some times.
    for (let draw = 0; draw < 2 * count && found.length < count; draw++) {
      const { masks, ious } = await this.#before(embedding, clickAnywhere(image, random));
      const object = objectOf(image, masks.subarray(likeliest(ious, 0) * LOW_RES_LOGITS));
      if (object) found.push(object);
    }
    return found;
  }

  #before(embedding: Float32Array, prompt: FramePrompt): Promise<DecoderAnswer> {
    return this.#trainer.answer(embedding, [prompt], this.#trainer.before);
  }

  /**
   * How much of the answers of before other weights leave: the mean IoU, at the photographs' size, of both answers to the
   * same clicks, all three masks of each, and to boxes around what was found; undefined where nothing was.
   */
  async agreement(weights: Weights): Promise<number | undefined> {
    const ious: number[] = [];
    for (const [i, image] of this.#images.slice(0, LOOKED_AT).entries()) {
      const random = randomFor('agreement', i);
      const embedding = await this.#embedder.read(image);
      const compare = async (prompt: FramePrompt, tokens: readonly number[]) => {
        const was = await this.#before(embedding, prompt);
        const is = await this.#trainer.answer(embedding, [prompt], weights);
        const mask = (answer: DecoderAnswer, token: number) => maskOf(answer, token, image.size);
        ious.push(...tokens.map((token) => iouOfMasks(mask(was, token), mask(is, token))));
      };
      const size = preprocessShape(image.size, DECODER.imageSize);
      for (const { box } of await this.#objects(image, embedding, CLICKS, random)) {
        await compare(promptInFrame({ box }, size), [0]);
        await compare(clickAnywhere(image, random), [1, 2, 3]);
      }
    }
    return ious.length > 0 ? ious.reduce((a, b) => a + b) / ious.length : undefined;
  }
}

function clickAnywhere(image: EmbeddedImage, random: Random): FramePrompt {
  const at = [random() * image.size.width, random() * image.size.height] as const;
  return promptInFrame({ point_coords: [at], point_labels: [1] }, image.size);
}

/** A mask as an object to be learned; nothing where it is empty. @param logits that begin with its [256,256]. */
function objectOf({ size }: EmbeddedImage, logits: Float32Array): TrainingObject | undefined {
  const { rows, cols } = lowResSize(size);
  const cells = new Uint8Array(LOW_RES_LOGITS);
  let [left, top, right, bottom] = [cols, rows, -1, -1];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < cols; x++) {
      if (!((logits[y * LOW_RES_SIDE + x] as number) > 0)) continue;
      cells[y * LOW_RES_SIDE + x] = 1;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), y];
    }
  }
  if (right < 0) return undefined;
  const corners: Box = [left, top, right + 1, bottom + 1];
  const box = corners.map((cell) => cell * CELL) as [number, number, number, number];
  return { label: { rows, cols, cells }, box };
}
