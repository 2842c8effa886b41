import t from 'tap';
import { fuzz } from '../../attack/fuzz.js';
import { sharedService } from '../fixtures/service.js';

t.test('requests that are almost right are answered, or refused in words', async (t) => {
  const { url } = await sharedService(t);
  const { statuses } = await fuzz(url, 100, 20261124);
  t.ok((statuses[200] ?? 0) > 0, 'some are right');
  t.ok((statuses[400] ?? 0) > 20 && (statuses[422] ?? 0) > 2, JSON.stringify(statuses));
});
