import t from 'tap';
import { fleet } from '../../attack/fleet/fleet.js';
import { noRedis } from '../fixtures/redis.js';

t.test('processes that come, go and die', { skip: noRedis }, async (t) => {
  const size = { images: 8, kills: 3, ends: 1, outageMs: 3000 };
  const { answered, abandonedAfter } = await fleet(size);
  t.equal(answered, 8);
  t.ok(abandonedAfter > 0);
});
