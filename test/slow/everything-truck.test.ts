import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { decompress } from '#src/masks/formats/rle.js';
import { generate, shareFound } from '../fixtures/generator.js';
import { form, startService } from '../fixtures/service.js';

const TRUCK = new URL('../../../shared/reference/truck.jpg', import.meta.url);

// A thousand points in the plain graph take more than a minute of a core.
t.setTimeout(900_000);

const skip = existsSync(TRUCK) ? false : 'the reference photographs are not on this machine';
t.test('the truck, with default parameters', { skip }, async (t) => {
  const service = await startService(t, { SAM_DECODE_WORKERS: '2' });
  const response = await service.post('/everything', form(readFileSync(TRUCK)));
  const { embedding_id, masks, ...image } = (await response.json()) as {
    embedding_id: string;
    width: number;
    height: number;
    masks: { segmentation: { counts: string } }[];
  };
  const headers = { accept: 'application/octet-stream' };
  const tensor = await fetch(`${service.url}/embeddings/${embedding_id}`, { headers });
  const embedding = new Float32Array(await tensor.arrayBuffer());
  const ours = masks.map(({ segmentation }) => decompress(segmentation.counts));
  const expected = await generate(embedding, image, 32);
  const [found, more] = [shareFound(expected, ours), shareFound(ours, expected)];
  t.ok(found >= 0.98, `${found} of the reference's ${expected.length} masks`);
  t.ok(more >= 0.98, `${more} of our ${ours.length} masks`);
});
