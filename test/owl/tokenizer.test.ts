import t from 'tap';
import { Tokenizer } from '#src/owl/tokenizer.js';
import { referenceText, skip } from './fixtures/reference.js';

const SIZES = { vocabulary: 49408, positions: 16 };
const [START, END] = [49406, 49407];

function clip(): Tokenizer {
  return new Tokenizer(referenceText('vocab.json'), referenceText('merges.txt'), SIZES);
}

interface Phrase {
  readonly text: string;
  readonly input_ids: readonly number[];
  readonly clip_ids?: readonly number[];
}

t.test('phrases have the ids of the reference', { skip }, async (t) => {
  const tokenizer = clip();
  const { phrases, queries } = JSON.parse(referenceText('tokens.json')) as Record<string, Phrase[]>;
  for (const { text, input_ids, clip_ids } of [...(phrases ?? []), ...(queries ?? [])]) {
    const { ids } = tokenizer.encode(text);
    const padded = [...ids, ...new Array(SIZES.positions - ids.length).fill(0)];
    t.same(padded, clip_ids ?? input_ids, JSON.stringify(text));
  }
});

t.test('texts that are too long are cut before their end, and say so', { skip }, async (t) => {
  const tokenizer = clip();
  const fourteen = tokenizer.encode('a '.repeat(14));
  const fifteen = tokenizer.encode('a '.repeat(15));
  t.same(fourteen, { ids: [START, ...new Array(14).fill(320), END], isCut: false });
  t.same(fifteen, { ...fourteen, isCut: true });
  const start = performance.now();
  t.same(tokenizer.encode('a '.repeat(1e6)), fifteen);
  t.equal(tokenizer.encode('é'.repeat(1e6)).isCut, true);
  t.equal(tokenizer.encode('🍎'.repeat(1e6)).isCut, true);
  t.ok(performance.now() - start < 5000, 'however long they are');
});

t.test('nothing a client types is a control token', { skip }, async (t) => {
  const tokenizer = clip();
  for (const text of ['<|endoftext|>', '<|startoftext|>', 'a <|endoftext|> b', '!', '</w>']) {
    const { ids } = tokenizer.encode(text);
    const inner = ids.slice(1, -1);
    t.ok(inner.length > 0);
    t.notOk(
      inner.some((id) => id === START || id === END || id === 0),
      text,
    );
  }
});

t.test('any text has ids of the vocabulary', { skip }, async (t) => {
  const tokenizer = clip();
  const odd = ['\0\x01\x7f', '\ud800', 'a\u200bb', 'ﬁ', '\u{10ffff}', 'constructor __proto__'];
  for (const text of [
    ...odd,
    'toString',
    '\ufeffx\u0085y',
    'ΣΑΣ',
    '👨‍👩‍👧',
    '\u202eabc',
    'a\u0301\u0301',
  ]) {
    const { ids } = tokenizer.encode(text);
    t.ok(ids.length > 2, JSON.stringify(text));
    t.ok(ids.every((id) => Number.isInteger(id) && id >= 0 && id < SIZES.vocabulary));
  }
  for (const nothing of ['', ' ', '\n\t\u3000\u00a0'])
    t.same(tokenizer.encode(nothing).ids, [START, END]);
});

t.test('white space, case and composition do not matter', { skip }, async (t) => {
  const tokenizer = clip();
  const { ids } = tokenizer.encode('the café');
  for (const text of ['The  Café', ' the\n\tCAFE\u0301 ', 'the\u3000café']) {
    t.same(tokenizer.encode(text).ids, ids, JSON.stringify(text));
  }
});

t.test('a vocabulary that is none is refused', { skip }, async (t) => {
  const [vocab, merges] = [referenceText('vocab.json'), referenceText('merges.txt')];
  const refused = (vocabulary: string, merged: string, message: RegExp, size = 49408) => {
    const sizes = { vocabulary: size, positions: 16 };
    t.throws(() => new Tokenizer(vocabulary, merged, sizes), { name: 'OperatorError', message });
  };
  refused('', merges, /vocabulary is not JSON/);
  refused('[]', merges, /no object/);
  refused('{}', merges, /it has 0/);
  refused(vocab, merges, /ids 0 to 49999 to 50000 tokens/, 50000);
  const changed = (change: (ids: Record<string, unknown>) => void) => {
    const ids = JSON.parse(vocab);
    change(ids);
    return JSON.stringify(ids);
  };
  refused(
    changed((ids) => {
      ids['!'] = 1;
    }),
    merges,
    /ids 0 to 49407/,
  );
  refused(
    changed((ids) => {
      ids['!'] = '0';
    }),
    merges,
    /ids 0 to 49407/,
  );
  refused(
    changed((ids) => {
      delete ids['é</w>'];
      ids['not yet there'] = 0;
    }),
    merges,
    /vocabulary/,
  );
  refused(
    changed((ids) => {
      ids['not yet there'] = ids['Ġ</w>'];
      delete ids['Ġ</w>'];
    }),
    merges,
    /lacks "Ġ<\/w>"/,
  );
  refused(vocab, `${merges}\nsam split`, /have "sam split"/);
  refused(vocab, `${merges}\ni n k`, /have "i n k"/);
});
