import { toLabelStudio } from '../../src/masks/formats/label-studio.js';
import { type Exported, type ExportFile, jsonFile, type Origin, stem } from './export.js';

/**
 * A task with a prediction for Label Studio's import: a brush region for each object. `image`, `tag` and `brushlabels`
 * are the names in Label Studio's own template for semantic segmentation with masks.
 */
export function toTasks(objects: readonly Exported[], { name, width, height }: Origin): ExportFile {
  const result = objects.map((object, i) => ({
    id: `object-${i + 1}`,
    type: 'brushlabels',
    from_name: 'tag',
    to_name: 'image',
    original_width: width,
    original_height: height,
    image_rotation: 0,
    value: {
      format: 'rle',
      rle: toLabelStudio(object.mask.segmentation.counts, { width, height }),
      brushlabels: [object.name],
    },
    score: object.mask.predicted_iou,
  }));
  const tasks = [{ data: { image: name }, predictions: [{ model_version: 'sam-split', result }] }];
  return jsonFile(`${stem(name)}.label-studio.json`, tasks);
}
