import t from 'tap';
import type { MaskFormat, Segmentations } from '#src/core/mask.js';
import { named, namedBytes } from '#src/core/masks/mask-name.js';
import { extentOf } from '#src/masks/extent.js';
import { encodeMask } from '#src/masks/formats/formats.js';
import { fromImage } from '#src/masks/formats/rle.js';
import { maskBytes } from '#src/masks/mask-bytes.js';

const image = { width: 8, height: 8 };
/** Single pixels, as many as there can be that do not touch. */
const counts = fromImage(
  Uint8Array.from({ length: 64 }, (_, i) =>
    (i % 8) % 2 === 0 && Math.floor(i / 8) % 2 === 0 ? 255 : 0,
  ),
  image,
);
const name = { label: 'a "red" car\u0000', text_score: 0.25, place: 12 };

async function written<F extends MaskFormat>(format: F): Promise<Segmentations[F]> {
  const options = {
    ...{ format, minArea: 0, simplify: 0, georeference: {}, returnLogits: false },
    ...{ logitsDtype: 'float32' as const, keepLogits: false },
  } as const;
  const segmentation = await encodeMask({ counts, image, options, properties: { area: 1 } });
  const called = named(segmentation, name);
  const most = namedBytes(
    maskBytes(format, counts, extentOf(counts, image.height), image),
    format,
    name.label,
  );
  t.ok(Buffer.byteLength(JSON.stringify(called)) <= most, `${format} is as long as was told`);
  t.same(named(segmentation, { place: 0 }), segmentation, `${format} of a mask without a name`);
  return called as Segmentations[F];
}

t.test('a mask with its name in it, in every format that has a place for one', async (t) => {
  const { label } = name;
  const { geojson } = await written('geojson');
  t.same(geojson.features[0]?.properties, { area: 1, label, text_score: 0.25 });
  const { shapes } = await written('labelme');
  t.ok(shapes.length > 1);
  t.ok(shapes.every((shape) => shape.label === label));
  t.same((await written('labelstudio_rle')).brushlabels, [label]);
  t.equal((await written('cvat_rle')).label, label);
  const lines = (await written('yolo')).yolo.trim().split('\n');
  t.ok(lines.length > 1);
  t.ok(lines.every((line) => /^12 [\d. ]+$/.test(line)));
  for (const format of ['rle', 'rle_counts', 'polygon', 'coco_polygon', 'svg', 'png'] as const) {
    t.notMatch(JSON.stringify(await written(format)), /red/, `${format} has none`);
  }
});
