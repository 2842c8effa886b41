import t from 'tap';
import { jsonFault } from '#src/http/bodies/json-fault.js';

const cases: [text: string, fault: string][] = [
  ['', 'line 1, column 1: expected a value, found the end'],
  ['{', 'line 1, column 2: expected a name in double quotes, found the end'],
  ["{'box': [1]}", "line 1, column 2: expected a name in double quotes, found '"],
  ['{"box": [1, 2,]}', 'line 1, column 15: expected a value, found ]'],
  ['{\n  "box": [1, 2]\n  "format": "png"\n}', 'line 3, column 3: expected , or }, found "'],
  ['{"a": True}', 'line 1, column 7: expected a value, found T'],
  ['{"a": NaN}', 'line 1, column 7: expected a value, found N'],
  ['{"a": 01}', 'line 1, column 7: expected a value, found 0'],
  ['{"a": 1} x', 'line 1, column 10: expected the end, found x'],
  [
    '{"a": "b\nc"}',
    'line 1, column 9: expected a closing " or an escape such as \\n, found a line break',
  ],
  ['{"a": "\\q"}', 'line 1, column 8: expected an escape such as \\n or \\\\, found \\'],
  ['{"a": "b', 'line 1, column 9: expected a closing ", found the end'],
  ['{"a" 1}', 'line 1, column 6: expected :, found 1'],
  [
    '{"a": {}, "b": [[], {"c": null}], d}',
    'line 1, column 35: expected a name in double quotes, found d',
  ],
  ['image=photo.jpg', 'line 1, column 1: expected a value, found i'],
];

t.test('where a text is not JSON', async (t) => {
  for (const [text, fault] of cases) t.equal(jsonFault(text), fault, text);
});

t.test('a megabyte is read once', async (t) => {
  const text = `{"a":"${'\\n'.repeat(10 ** 6)}",\n"b":[${'1,'.repeat(10 ** 5)}]}`;
  t.match(jsonFault(text), /^line 2, column 200006: expected a value, found \]/);
});
