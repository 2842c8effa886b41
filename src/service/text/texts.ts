import { violation } from '../../core/errors.js';

/** @param path a JSON pointer to the texts. @throws SamError `too-many-prompts` */
export function checkTexts(count: number, most: number, path: string): void {
  if (count <= most) return;
  throw violation('too-many-prompts', path, `must be at most ${most} in a request`);
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
