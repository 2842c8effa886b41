import type { IncomingMessage } from 'node:http';
import { SamError } from '../../../core/errors.js';

/** After so many chunks they must be of so many bytes on average: each costs as much time as a large one. */
const MANY_CHUNKS = 4096;
const TINY_CHUNK = 16;
/** After so many, those of less than so many bytes are gathered, in blocks of so many. */
const FEW_CHUNKS = 64;
const SMALL_CHUNK = 1024;
const BLOCK = 4096;
/** So many of a body that was refused are left out, so that its sender sees the answer; then it is read no further. */
const BEARABLE = 65_536;

const NOTHING = Buffer.alloc(0);
const refused = new WeakSet<IncomingMessage>();

/** Whether so many chunks of so many bytes in all are more work than they are worth. */
export function areTiny(chunks: number, bytes: number): boolean {
  return chunks > MANY_CHUNKS && bytes < chunks * TINY_CHUNK;
}

/** What a client hears whose chunks are. @param name of what came in them. */
export function tinyChunks(name: string): SamError {
  const message = `${name} comes in chunks of a few bytes: send larger ones`;
  return new SamError('malformed-request', message);
}

/** Whether a request was refused for its chunks: what is left of it is read past. */
export function hasTinyChunks(request: IncomingMessage): boolean {
  return refused.has(request);
}

/**
 * Hands small chunks of a request's body on together. Each that waits to be read takes some hundred bytes, and every stream
 * that it passes through some microseconds. When they are too many, whoever reads the body, or comes to read it, hears why.
 */
export function gatherChunks(request: IncomingMessage): void {
  const push = request.push.bind(request);
  let [chunks, bytes, filled] = [0, 0, 0];
  let block = NOTHING;
  let [isDue, isRefused] = [false, false];

  const handOn = (): boolean => {
    if (filled === 0) return true;
    const gathered = block.subarray(0, filled);
    block = block.subarray(filled);
    filled = 0;
    return request.destroyed ? false : push(gathered);
  };
  /** What came at once is there by then. */
  const afterAll = (): void => {
    isDue = false;
    handOn();
  };
  const refuse = (): void => {
    isRefused = true;
    refused.add(request);
    // An error that nobody hears would end the process; who has heard it once may listen no longer.
    const tell = () => {
      if (request.listenerCount('error') > 0) request.emit('error', tinyChunks('the body'));
    };
    tell();
    request.on('newListener', (event) => event === 'error' && process.nextTick(tell));
  };

  request.push = (chunk: Buffer | null): boolean => {
    if (chunk === null) {
      handOn();
      return push(null);
    }
    bytes += chunk.length;
    if (isRefused) return ++chunks < BEARABLE;
    if (areTiny(++chunks, bytes)) {
      refuse();
      return true;
    }
    if (chunks <= FEW_CHUNKS || chunk.length >= SMALL_CHUNK) {
      handOn();
      return push(chunk);
    }
    let wanted = true;
    if (chunk.length > block.length - filled) {
      wanted = handOn();
      block = Buffer.alloc(BLOCK);
    }
    block.set(chunk, filled);
    filled += chunk.length;
    if (!isDue) setImmediate(afterAll);
    isDue = true;
    return wanted;
  };
}
