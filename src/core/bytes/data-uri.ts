/** Characters that a data URI may say of its base64 before it begins: types and parameters are short. */
const MOST = 256;

/** The length of what a data URI says of its base64 before that begins; 0 where the text is no data URI. */
export function dataUriHead(text: string): number {
  return /^data:[^,]{0,200};base64,/i.exec(text.slice(0, MOST))?.[0].length ?? 0;
}
