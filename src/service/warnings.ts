import type { ImageSize } from '../core/image.js';
import type { Prompt } from '../core/prompt.js';

/**
 * What of a request is answered, but looks as if something else was meant.
 * @param results for each prompt its masks.
 * @returns sentences for people; none where nothing looks wrong.
 */
export function warningsOf(
  prompts: readonly Prompt[],
  results: readonly { readonly masks: readonly { readonly area: number }[] }[],
  image: ImageSize,
): string[] {
  const places = (test: (prompt: Prompt, place: number) => boolean) =>
    prompts.flatMap((prompt, place) => (test(prompt, place) ? [place] : []));
  const fractions = places((prompt) => looksLikeFractions(prompt, image));
  const empty = places((_, place) => results[place]?.masks.some(({ area }) => area === 0) ?? false);
  return [
    ...sentence(
      fractions,
      'all coordinates lie between 0 and 1 and look like fractions of the image: they are taken as pixels',
    ),
    ...sentence(empty, 'a mask is empty: nothing was found'),
  ];
}

/** An image of one pixel has no other coordinates. */
function looksLikeFractions({ point_coords = [], box }: Prompt, image: ImageSize): boolean {
  const numbers = [...point_coords.flat(), ...(box ?? [])];
  const isFraction = (value: number) => value >= 0 && value <= 1;
  return numbers.length > 0 && numbers.every(isFraction) && image.width * image.height > 1;
}

/** As many places are named as a reader looks at. */
const MAX_PLACES = 20;

function sentence(places: readonly number[], words: string): string[] {
  if (places.length === 0) return [];
  const listed = places.slice(0, MAX_PLACES).map((place) => `prompts[${place}]`);
  const more = places.length > MAX_PLACES ? ` and ${places.length - MAX_PLACES} more` : '';
  return [`${listed.join(', ')}${more}: ${words}`];
}
