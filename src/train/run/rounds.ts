import type { ImageSize } from '../../core/image.js';
import type { Lesson } from '../decoder-trainer.js';
import type { TrainingPrompt } from '../feeds.js';
import type { Random } from '../random.js';
import type { LessonSum } from './lesson-sum.js';
import { SimulatedUser, type TrainingObject } from './simulated-user.js';

/** Prompts that run together: more of them would not be faster on a CPU. */
const LARGEST_GROUP = 4;

/** Objects of one image. */
export interface Exercise {
  /** [1,256,64,64] */
  readonly embedding: Float32Array;
  /** The resized image's. */
  readonly size: ImageSize;
  readonly objects: readonly TrainingObject[];
}

/** How a batch of prompts about an image is learned. */
export type Teach = (
  embedding: Float32Array,
  prompts: readonly TrainingPrompt[],
) => Promise<Lesson>;

/**
 * Whether each round after the first brings a new click: as many as are asked for, one round without before one of them,
 * which is drawn, and one without at last.
 */
export function roundsAfterFirst(clicks: number, random: Random): boolean[] {
  if (clicks === 0) return [];
  const rounds = new Array<boolean>(clicks).fill(true);
  return [...rounds.toSpliced(Math.floor(random() * clicks), 0, false), false];
}

/**
 * Asks for each object in rounds, and learns from every answer. No gradient flows from one round into another.
 * @param clicks after the first prompt.
 * @param into where it is added.
 * @throws Error when a loss is no number
 */
export async function learn(
  { embedding, size, objects }: Exercise,
  teach: Teach,
  { clicks, random, into }: { clicks: number; random: Random; into: LessonSum },
): Promise<void> {
  const users = objects.map((object) => new SimulatedUser(object, size, random));
  for (const brings of [false, ...roundsAfterFirst(clicks, random)]) {
    if (brings) for (const user of users) user.click();
    for (const group of groupsOf(users)) {
      const lesson = await teach(
        embedding,
        group.map(({ prompt }) => prompt),
      );
      into.add(lesson);
      for (const [at, user] of group.entries()) user.see(lesson, at);
    }
  }
}

/** Those whose prompts have equally many tokens, at most so many at a time. */
function groupsOf(users: readonly SimulatedUser[]): SimulatedUser[][] {
  const groups: SimulatedUser[][] = [];
  const open = new Map<number, SimulatedUser[]>();
  for (const user of users) {
    const tokens = user.prompt.labels.length;
    const group = open.get(tokens);
    if (group && group.length < LARGEST_GROUP) group.push(user);
    else {
      const started = [user];
      groups.push(started);
      open.set(tokens, started);
    }
  }
  return groups;
}
