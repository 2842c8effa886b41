/** Whitespace, and what follows it up to where it can be told apart: all but strings, which may be megabytes. */
const TOKEN =
  /[ \t\n\r]*(?:[{}[\],:"]|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w))/y;
const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has none in its strings
const STOP = /["\\\u0000-\u001f]/g;
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;

const NAME = 'a name in double quotes';
const VALUE = 'a value';
/** What may come next in an object or list, after a value. */
const MORE = { '{': ', or }', '[': ', or ]' } as const;

/**
 * Says where a text ceases to be JSON: the parser's own words differ by version and often name no place.
 * @returns such as `line 2, column 7: expected a value, found }`
 */
export function jsonFault(text: string): string {
  const { at, expected } = findFault(text);
  const before = text.slice(0, at);
  const start = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let from = before.indexOf('\n'); from >= 0; from = before.indexOf('\n', from + 1)) line++;
  return `line ${line}, column ${at - start + 1}: expected ${expected}, found ${named(text, at)}`;
}

function named(text: string, at: number): string {
  const code = text.codePointAt(at);
  if (code === undefined) return 'the end';
  if (code >= 0x20) return String.fromCodePoint(code);
  return code === 0x0a ? 'a line break' : 'a control character';
}

/** Reads tokens for as long as each may stand where it stands. */
function findFault(text: string): { at: number; expected: string } {
  const open: ('{' | '[')[] = [];
  let expected: string = VALUE;
  // A list or object that has just begun may end at once.
  let empty = false;
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  for (;;) {
    SPACE.lastIndex = TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0].trimStart() ?? '';
    SPACE.exec(text);
    at = SPACE.lastIndex;
    const last = open.at(-1);
    const closes = last !== undefined && token === (last === '{' ? '}' : ']');
    if (closes && (empty || expected === MORE[last])) {
      open.pop();
      expected = afterValue(open.at(-1));
      empty = false;
    } else if (last !== undefined && expected === MORE[last] && token === ',') {
      expected = last === '{' ? NAME : VALUE;
    } else if (expected === ':' && token === ':') {
      expected = VALUE;
    } else if (token === '"' && (expected === NAME || expected === VALUE)) {
      const end = stringEnd(text, at + 1);
      if (typeof end !== 'number') return end;
      at = end - 1;
      expected = expected === NAME ? ':' : afterValue(last);
      empty = false;
    } else if (expected === VALUE && (token === '{' || token === '[')) {
      open.push(token);
      expected = token === '{' ? NAME : VALUE;
      empty = true;
    } else if (expected === VALUE && /^[-\dtfn]/.test(token)) {
      expected = afterValue(last);
      empty = false;
    } else {
      return { at, expected };
    }
    at += token.length;
  }
}

function afterValue(last: '{' | '[' | undefined): string {
  return last ? MORE[last] : 'the end';
}

/** Behind the quote that ends a string, or where it breaks off. */
function stringEnd(text: string, from: number): number | { at: number; expected: string } {
  for (let at = from; ; ) {
    STOP.lastIndex = at;
    const stop = STOP.exec(text)?.index;
    if (stop === undefined) return { at: text.length, expected: 'a closing "' };
    if (text[stop] === '"') return stop + 1;
    ESCAPE.lastIndex = stop;
    if (text[stop] !== '\\') return { at: stop, expected: 'a closing " or an escape such as \\n' };
    if (!ESCAPE.test(text)) return { at: stop, expected: 'an escape such as \\n or \\\\' };
    at = ESCAPE.lastIndex;
  }
}
