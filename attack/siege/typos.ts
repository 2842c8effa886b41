import { MULTIPART } from '../../test/fixtures/multipart.js';
import { exchange, head } from '../wire.js';
import { type Attack, inTurn, type Kind } from './kind.js';

/** Large bodies for requests that are wrong already in what precedes the body. */
export const typos: Kind = {
  name: 'typos',
  connections: 4,
  pauseMs: 2000,
  async prepare(share) {
    const body = Buffer.alloc(share * 32 * 2 ** 20, 1);
    const to =
      (path: string, type: string): Attack =>
      async (target) => {
        const fields = { 'content-type': type, 'content-length': body.length };
        return (await exchange(target, head('POST', path, fields), body)).status;
      };
    return inTurn(
      to('/embed?modle=x', 'image/png'),
      to('/segment?overlai=1', MULTIPART),
      to('/embed?model=none', 'application/octet-stream'),
      to('/everything?x', MULTIPART),
    );
  },
};
