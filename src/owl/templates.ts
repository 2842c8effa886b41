/** Of CLIP's templates the seven that do best together (openai/CLIP, `Prompt_Engineering_for_ImageNet.ipynb`). */
const TEMPLATES = [
  'itap of a {}.',
  'a bad photo of the {}.',
  'a origami {}.',
  'a photo of the large {}.',
  'a {} in a video game.',
  'art of the {}.',
  'a photo of the small {}.',
];

/**
 * A phrase in each of the templates, with all but letters, digits and hyphens made blank, as scenic's evaluation has it.
 * @returns none for a phrase of other signs only.
 */
export function inTemplates(phrase: string): string[] {
  const canonical = phrase
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, ' ')
    .trim();
  if (canonical === '') return [];
  return TEMPLATES.map((template) => template.replace('{}', () => canonical));
}
