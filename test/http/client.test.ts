import t from 'tap';
import { clientOf } from '#src/http/client.js';

t.test('one client, however its address is written', async (t) => {
  t.equal(clientOf('192.0.2.7'), '192.0.2.7');
  t.equal(clientOf('::ffff:192.0.2.7'), '192.0.2.7');
  t.equal(clientOf('::ffff:c000:207'), '192.0.2.7');
  const network = '2001:db8:1:2::/64';
  t.equal(clientOf('2001:db8:1:2::1'), network);
  t.equal(clientOf('2001:0db8:0001:0002:ffff:ffff:ffff:ffff'), network);
  t.not(clientOf('2001:db8:1:3::1'), network);
  t.equal(clientOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
  t.equal(clientOf('not an address'), clientOf('192.0.2.7:80'), 'whatever else is one client');
});
