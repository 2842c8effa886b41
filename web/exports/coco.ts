import { compress } from '../../src/masks/formats/rle.js';
import { type Exported, type ExportFile, jsonFile, type Origin, scoresOf, stem } from './export.js';

/** A COCO file of one image: a category for each name of objects, their masks as compressed RLE. */
export function toCoco(objects: readonly Exported[], origin: Origin): ExportFile {
  const { name, width, height } = origin;
  const names = [...new Set(objects.map((object) => object.name))];
  return jsonFile(`${stem(name)}.coco.json`, {
    images: [{ id: 1, file_name: name, width, height }],
    categories: names.map((category, i) => ({ id: i + 1, name: category })),
    annotations: objects.map((object, i) => ({
      id: i + 1,
      image_id: 1,
      category_id: names.indexOf(object.name) + 1,
      iscrowd: 0,
      segmentation: {
        size: object.mask.segmentation.size,
        counts: compress(object.mask.segmentation.counts),
      },
      ...scoresOf(object),
    })),
  });
}
