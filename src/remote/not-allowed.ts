import { SamError } from '../core/errors.js';

/** The same for every reason: what is behind a name is not for a stranger to find out. */
export function notAllowed(): SamError {
  return new SamError('source-not-allowed', 'images are not fetched from this URL');
}
