import t from 'tap';
import { startCollector } from '../fixtures/collector.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, startService } from '../fixtures/service.js';

t.test('traces go to a collector, where there is one', async (t) => {
  const { spans, settings } = await startCollector(t);
  const { post, close } = await startService(t, settings);
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  const fields = { box: [9, 9, 99, 99] };
  const answer = await post('/segment', form(await draw(scene(1)), fields), { traceparent });
  t.equal(answer.status, 200);
  await close();

  const root = spans.find(({ name }) => name === 'POST /segment');
  t.match(root, { traceId, parentSpanId: 'b7ad6b7169203331' }, "of the client's trace");
  const steps = spans.filter(({ parentSpanId }) => parentSpanId === root?.spanId);
  t.same(
    steps.map(({ name }) => name),
    [
      'receive',
      'hash',
      'queue',
      'decode image',
      'preprocess',
      'encode',
      'queue',
      'context',
      'decode',
      'mask',
    ],
  );
  for (const { startTimeUnixNano, endTimeUnixNano } of steps) {
    t.ok(BigInt(startTimeUnixNano) >= BigInt(root?.startTimeUnixNano ?? 0));
    t.ok(BigInt(endTimeUnixNano) <= BigInt(root?.endTimeUnixNano ?? 0));
  }
});
