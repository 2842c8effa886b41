import { violation } from '../../core/errors.js';
import type { Prompt } from '../../core/prompt.js';

/** A JSON pointer to what a prompt asks for without saying where it is. */
export function pathOf(place: number, { exemplar }: Prompt): string {
  return `/prompts/${place}/${exemplar ? 'exemplar' : 'text'}`;
}

/** @param path a JSON pointer to the texts. @throws SamError `too-many-prompts` */
export function checkTexts(count: number, most: number, path: string): void {
  if (count <= most) return;
  const message = `has ${count} phrases, and a request may have ${most}: send the others in another`;
  throw violation('too-many-prompts', path, message);
}

/** What of a phrase is shown. */
const SHOWN = 40;

/** What is said of phrases that were too long. @param cut their places. */
export function cutWarnings(phrases: readonly string[], cut: readonly number[]): string[] {
  return cut.map((i) => {
    const phrase = phrases[i] as string;
    const shown = phrase.length > SHOWN ? `${phrase.slice(0, SHOWN)}…` : phrase;
    return `the text ${JSON.stringify(shown)} is too long and was cut: only its first words were looked for`;
  });
}
