import { existsSync, readFileSync } from 'node:fs';
import { SamClient } from 'sam-split-client';
import sharp from 'sharp';
import t from 'tap';
import { promptsAbout, testAgreement } from '../clients/typescript/fixtures/agreement.js';
import { draw, scene } from '../fixtures/scenes.js';
import { sharedService } from '../fixtures/service.js';

const REFERENCE = new URL('../../../shared/reference/', import.meta.url);

/** Objects of the photographs: a point in each, and a box around it. */
const PHOTOGRAPHS = {
  'truck.jpg': [
    [500, 375],
    [425, 600, 700, 875],
  ],
  'groceries.jpg': [
    [400, 270],
    [300, 200, 500, 340],
  ],
} as const;

for (const [name, [point, box]] of Object.entries(PHOTOGRAPHS)) {
  const file = new URL(name, REFERENCE);
  const skip = !existsSync(file) && 'the reference photographs are not on this machine';
  t.test(`${name} is decoded here as on the server`, { skip }, async (t) => {
    const client = new SamClient({ url: (await sharedService(t)).url });
    const image = await client.embed(readFileSync(file));
    await testAgreement(t, client, image, promptsAbout(point, box));
  });
}

t.test('so is a large picture that lies on its side in its file', async (t) => {
  const client = new SamClient({ url: (await sharedService(t)).url });
  const picture = scene(10);
  const turned = sharp(await draw(picture)).rotate(90);
  const image = await client.embed(await turned.withMetadata({ orientation: 8 }).jpeg().toBuffer());
  t.match(image, { width: 4000, height: 3000 });
  for (const { point, box } of picture.shapes.slice(0, 2)) {
    await testAgreement(t, client, image, promptsAbout(point, box));
  }
});
