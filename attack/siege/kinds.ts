import { base64 } from './base64.js';
import { drawings } from './drawings.js';
import { drops } from './drops.js';
import { everything } from './everything.js';
import { fields } from './fields.js';
import { files } from './files.js';
import type { Kind } from './kind.js';
import { outlines } from './outlines.js';
import { stalls } from './stalls.js';
import { typos } from './typos.js';
import { unread } from './unread.js';

/** All that goes on at once in a siege. */
export const KINDS: readonly Kind[] = [
  ...[typos, unread, drops, fields, stalls, files, everything, outlines, base64, drawings],
];
