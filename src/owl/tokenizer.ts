import { Tokenizer as BytePairs } from '@huggingface/tokenizers';
import { OperatorError } from '../core/errors.js';

const START = '<|startoftext|>';
const END = '<|endoftext|>';

/** Ends a word. */
const SUFFIX = '</w>';

/**
 * Characters of a text that are looked at: the longest token has 32 bytes, so what is behind them is cut in any case. A
 * single word of a megabyte would take minutes.
 */
const LONGEST_TEXT = 1000;

/** A word with an English ending apart, one digit, or a run of other signs. */
const WORD = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/** A text as the text tower takes it. */
export interface Tokens {
  /** The start token, at most `positions - 2` of the text's, the end token. */
  readonly ids: readonly number[];
  /** Whether the text has more. */
  readonly isCut: boolean;
}

/**
 * CLIP's tokenizer: pairs of bytes, merged by rank (Sennrich et al., 2016), of texts in lower case. What looks like one of
 * its control tokens is text like any other.
 */
export class Tokenizer {
  readonly #pairs: BytePairs;
  readonly #start: number;
  readonly #end: number;
  readonly #most: number;

  /**
   * @param vocabulary the text of `vocab.json`: ids by token.
   * @param merges the text of `merges.txt`: a line of two tokens for each merge, the first ranks first.
   * @throws OperatorError when they are not a vocabulary of `size` tokens, or not of CLIP's kind
   */
  constructor(
    vocabulary: string,
    merges: string,
    { vocabulary: size, positions }: { vocabulary: number; positions: number },
  ) {
    const vocab = readVocabulary(vocabulary, size);
    this.#start = vocab[START] as number;
    this.#end = vocab[END] as number;
    this.#most = positions - 2;
    const model = {
      type: 'BPE',
      unk_token: END,
      end_of_word_suffix: SUFFIX,
      vocab,
      merges: readMerges(merges, vocab),
    };
    this.#pairs = new BytePairs({ added_tokens: [], ...STEPS, model }, {});
  }

  encode(text: string): Tokens {
    const words = text.replaceAll(/\s+/g, ' ').trim();
    const start = words.slice(0, LONGEST_TEXT);
    const { ids } = this.#pairs.encode(start, { add_special_tokens: false });
    return {
      ids: [this.#start, ...ids.slice(0, this.#most), this.#end],
      isCut: ids.length > this.#most || words.length > LONGEST_TEXT,
    };
  }
}

/** What becomes of a text before its bytes are merged, in the words of a `tokenizer.json`. */
const STEPS = {
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'NFC' },
      { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
      { type: 'Lowercase' },
    ],
  },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: WORD }, behavior: 'Removed', invert: true },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
    ],
  },
  post_processor: null,
  decoder: null,
};

type Vocabulary = Readonly<Record<string, number>>;

/** @throws OperatorError */
function readVocabulary(json: string, size: number): Vocabulary {
  let content: unknown;
  try {
    content = JSON.parse(json);
  } catch (cause) {
    throw new OperatorError('the vocabulary is not JSON', { cause });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new OperatorError('the vocabulary is no object of ids by token');
  }
  const entries = Object.entries(content);
  const ids = new Set(entries.map(([, id]) => id));
  const fits = entries.every(([, id]) => Number.isInteger(id) && id >= 0 && id < size);
  if (!fits || ids.size !== size || entries.length !== size) {
    throw new OperatorError(
      `the vocabulary must give ids 0 to ${size - 1} to ${size} tokens, as the model has them: it has ${entries.length}`,
    );
  }
  // Without a prototype: `constructor` is a word as well.
  const vocab = Object.assign(Object.create(null), content) as Vocabulary;
  for (const token of [START, END, ...bytes(), ...bytes().map((byte) => byte + SUFFIX)]) {
    if (vocab[token] === undefined) {
      throw new OperatorError(`the vocabulary lacks ${JSON.stringify(token)}, as CLIP's has it`);
    }
  }
  return vocab;
}

/** @throws OperatorError naming the first line that is no merge */
function readMerges(text: string, vocab: Vocabulary): string[] {
  const lines = text.split('\n').map((line) => line.trimEnd());
  const merges = lines.filter((line) => line !== '' && !line.startsWith('#version'));
  for (const merge of merges) {
    const [left, right, ...more] = merge.split(' ');
    if (!left || !right || more.length > 0 || vocab[left + right] === undefined) {
      const shown = JSON.stringify(merge.slice(0, 100));
      throw new OperatorError(`the merges have ${shown}, which makes no token of the vocabulary`);
    }
  }
  return merges;
}

/** GPT-2's printable character for each byte: itself where it is one, else those from 256 on in turn. */
function bytes(): string[] {
  const isPrintable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 255 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : next++),
  );
}
