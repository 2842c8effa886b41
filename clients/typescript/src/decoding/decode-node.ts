import type { NodeDecoder } from './decoder-host.js';
import { LocalDecoder } from './local-decoder.js';
import { nodeRuntime } from './node-runtime.js';

export const createDecoder: NodeDecoder['createDecoder'] = () => new LocalDecoder(nodeRuntime);
