/** Loaded into every thread of an encode worker: an image that begins with magenta ends the process. */
import { beforeEachRun } from './each-run.mjs';

const MAGENTA = [255, 0, 255];

/** Of MobileSAM's inputs `pixels` is bytes [B,S,S,3]: see src/sam/encoder/preprocess.ts. */
function isPoison({ pixels }) {
  if (!pixels) return false;
  const { data, dims } = pixels;
  const firsts = Array.from({ length: dims[0] }, (_, i) => (i * data.length) / dims[0]);
  return firsts.some((at) => MAGENTA.every((value, channel) => data[at + channel] === value));
}

await beforeEachRun((feeds) => {
  if (isPoison(feeds)) process.kill(process.pid, 'SIGKILL');
});
