import { readRegularFile } from '../../checkpoint/regular-file.js';
import type { OwlArchitecture } from '../../owl/architecture.js';
import { Tokenizer } from '../../owl/tokenizer.js';
import { type DetectorPaths, LARGEST_TEXT, named } from './files.js';

/** @throws OperatorError when the files are no vocabulary of the model's size */
export function readTokenizer(paths: DetectorPaths, { text }: OwlArchitecture): Tokenizer {
  const { vocabulary, merges } = paths;
  const [ids, ranks] = [vocabulary, merges].map((path) =>
    named(path, () => readRegularFile(path, LARGEST_TEXT)),
  ) as [string, string];
  return named(vocabulary, () => new Tokenizer(ids, ranks, text));
}
