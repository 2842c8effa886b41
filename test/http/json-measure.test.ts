import t from 'tap';
import { JsonMeasure } from '#src/http/bodies/json-measure.js';

/** What is counted of a text that comes in chunks of `size`. */
function measured(text: string, size: number): number {
  const measure = new JsonMeasure();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) measure.add(bytes.subarray(at, at + size));
  return measure.values;
}

t.test('the same is counted however a text is cut', async (t) => {
  const texts = [
    '{"a":[1,2,{"b":"x,[{\\"],"}],"c\\\\":"\\\\\\\\\\"[,"}',
    '"a\\\\",[1,"\\"",2]',
    '[[],{},"",","]',
  ];
  for (const text of texts) {
    const whole = measured(text, text.length);
    for (let size = 1; size < text.length; size++) t.equal(measured(text, size), whole, text);
  }
  t.equal(measured('[[],{},"",","]', 100), 1 + 3 + 3, 'brackets and commas outside of strings');
});

t.test('too deep and too many are found before the end', async (t) => {
  t.throws(() => measured('['.repeat(17), 3), { code: 'malformed-request' });
  t.throws(() => measured('[0,'.repeat(200_000), 1000), { code: 'malformed-request' });
  t.throws(() => measured(`[${'0,'.repeat(250_001)}`, 1000), { code: 'payload-too-large' });
  t.equal(measured(`"${'[,'.repeat(300_000)}"`, 1000), 1);
});
