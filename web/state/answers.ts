import { type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { DecodedMask, Place, PredictPrompt } from 'sam-split-client';
import type { Frame } from '../../src/core/frame.js';
import { startingLogits } from '../canvas/coverage.js';
import { imageToAsk, predict } from './decoding.js';
import { tell } from './notice.js';
import { foundMask, isAmbiguous, type ObjectPrompt } from './prompt.js';
import { models } from './service.js';

/** What has become of a prompt. */
export type Answer =
  | { readonly state: 'pending' }
  | { readonly state: 'failed'; readonly message: string }
  | {
      readonly state: 'answered';
      /** Best predicted IoU first. */
      readonly masks: readonly DecodedMask[];
      /** Where it was decoded, and in how many milliseconds; not of masks that were found otherwise. */
      readonly place?: Place;
      readonly ms?: number;
    };

/** Answers last as long as their prompts do, which the history of the scene holds. */
const answers = new WeakMap<ObjectPrompt, Signal<Answer>>();

/** The answer to a prompt; who asks first has it decoded. */
export function answerOf(prompt: ObjectPrompt): ReadonlySignal<Answer> {
  const known = answers.get(prompt);
  if (known) return known;
  const mask = foundMask(prompt);
  const answer = signal<Answer>(mask ? { state: 'answered', masks: [mask] } : { state: 'pending' });
  answers.set(prompt, answer);
  // Not at once: what asks may be computing what is shown, which decoding is no part of.
  if (!mask) queueMicrotask(() => decode(prompt, answer));
  return answer;
}

/** Asks again what has failed. */
export function askAgain(prompt: ObjectPrompt): void {
  const answer = answers.get(prompt);
  if (answer?.peek().state !== 'failed') return;
  answer.value = { state: 'pending' };
  void decode(prompt, answer);
}

async function decode(prompt: ObjectPrompt, answer: Signal<Answer>): Promise<void> {
  try {
    const prediction = await predict(await predictPromptOf(prompt));
    answer.value = { state: 'answered', ...prediction };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    answer.value = { state: 'failed', message };
    tell(message, 'error');
  }
}

/** A prompt as the predictor takes it. Waits for the mask that it goes on from. */
export async function predictPromptOf(prompt: ObjectPrompt): Promise<PredictPrompt> {
  const { points, box, strokes, start } = prompt;
  const image = await imageToAsk();
  const logits = start && 'prompt' in start ? await logitsOf(start) : undefined;
  const mask = start && 'mask' in start ? start.mask : undefined;
  const mask_input = startingLogits(image, frameOf(image.model), logits, mask, strokes);
  return {
    ...(points.length > 0 && {
      point_coords: points.map(({ x, y }) => [x, y] as [number, number]),
      point_labels: points.map(({ label }) => label),
    }),
    ...(box && { box: [...box] as [number, number, number, number] }),
    ...(mask_input && { mask_input }),
    multimask_output: isAmbiguous(prompt),
  };
}

/** The square in which a model that is served sees images. */
function frameOf(name: string): Frame {
  const known = models.peek().find((model) => model.name === name);
  return { side: known?.image_size ?? 1024, resize: known?.resize ?? 'longest_side' };
}

/** None where the earlier prompt has failed: this one then stands by itself. */
async function logitsOf(start: { prompt: ObjectPrompt; choice: number }) {
  const answer = await settled(answerOf(start.prompt));
  return answer.state === 'answered' ? answer.masks[start.choice]?.low_res_logits : undefined;
}

function settled(answer: ReadonlySignal<Answer>): Promise<Answer> {
  return new Promise((resolve) => {
    const stop = answer.subscribe((value) => {
      if (value.state === 'pending') return;
      resolve(value);
      // A signal that has settled already calls this before there is anything to stop.
      queueMicrotask(() => stop());
    });
  });
}
