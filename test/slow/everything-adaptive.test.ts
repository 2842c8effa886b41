import { existsSync, readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { decompress } from '#src/masks/formats/rle.js';
import { iouOfRuns } from '../fixtures/bitmap.js';
import { form, type Service, startService } from '../fixtures/service.js';

const PHOTOGRAPHS = new URL('../../../shared/reference/', import.meta.url);

// A grid of a thousand points takes half a minute of a core, and there are two.
t.setTimeout(900_000);

interface Mask {
  readonly segmentation: { readonly counts: string };
  readonly crop_box: readonly number[];
}

const skip = existsSync(PHOTOGRAPHS) ? false : 'the reference photographs are not on this machine';
t.test('the masks of the whole grid, from 9 points of 32', { skip }, async (t) => {
  const service = await startService(t, { SAM_DECODE_WORKERS: '2' });
  for (const name of ['truck', 'groceries']) {
    await t.test(name, (t) => compare(t, service, name));
  }
  await t.test('crops', async (t) => {
    const fields = { strategy: 'adaptive', points_per_side: 8, crop_n_layers: 1 };
    const masks = await found(service, 'groceries', fields);
    t.ok(masks.some(({ crop_box }) => crop_box[2] !== 800));
  });
});

async function compare(t: Test, service: Service, name: string) {
  const runs = (masks: readonly Mask[]) =>
    masks.map(({ segmentation }) => decompress(segmentation.counts));
  const grid = runs(await found(service, name, {}));
  const own = runs(await found(service, name, { strategy: 'adaptive' }));
  const like = (masks: readonly number[][], among: readonly number[][]) =>
    masks.filter((mask) => among.some((other) => iouOfRuns(mask, other) >= 0.9)).length /
    masks.length;
  const [share, confirmed] = [like(grid, own), like(own, grid)];
  // One of the truck's 45 masks is two hundredths: what was found on five pictures is in bench/README.md.
  t.ok(share >= 0.9, `${share} of the grid's ${grid.length} masks`);
  t.ok(confirmed >= 0.95, `${confirmed} of its own ${own.length}`);
}

async function found(
  service: Service,
  name: string,
  fields: Record<string, unknown>,
): Promise<Mask[]> {
  const photograph = readFileSync(new URL(`${name}.jpg`, PHOTOGRAPHS));
  const response = await service.post('/everything', form(photograph, fields));
  return ((await response.json()) as { masks: Mask[] }).masks;
}
