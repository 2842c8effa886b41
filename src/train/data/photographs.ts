import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError, SamError } from '../../core/errors.js';
import { IMAGES } from '../../labels/mask-files.js';
import type { EmbeddedImage } from './embedder.js';
import type { LessonsContext } from './lessons.js';

/**
 * The photographs of a folder, embedded; files of other kinds are left out.
 * @throws OperatorError when there are none
 */
export async function embedPhotographs(
  folder: string,
  { embedder, progress, signal }: LessonsContext,
): Promise<EmbeddedImage[]> {
  const names = await readdir(folder).catch((cause) => {
    throw new OperatorError(`the folder ${folder} cannot be read: ${cause.message}`, { cause });
  });
  const photographs = names.filter((name) => IMAGES.test(name)).sort();
  const embedded: EmbeddedImage[] = [];
  progress.begin('photographs to keep', photographs.length);
  for (const [i, name] of photographs.entries()) {
    signal.throwIfAborted();
    try {
      embedded.push(await embedder.embed(await readFile(join(folder, name))));
    } catch (error) {
      if (!(error instanceof SamError)) throw error;
      progress.say(`skipped ${join(folder, name)}: ${error.message}`);
    }
    progress.update(i + 1);
  }
  progress.end();
  if (embedded.length > 0) return embedded;
  throw new OperatorError(`there is no photograph (.jpg, .png, .webp, .avif) in ${folder}`);
}
