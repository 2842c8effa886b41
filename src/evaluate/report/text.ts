import type { Results } from '../results.js';
import {
  CALIBRATION_HEAD,
  calibrationRows,
  countRows,
  headRow,
  iouRows,
  textTable,
} from './table.js';

/** The results as tables for a terminal. */
export function resultsText({ data, models, differences }: Results): string {
  const parts = models.flatMap(({ name, iou, noc, calibration }) => {
    const point = iou['point'] as (typeof iou)[string];
    return [
      `${name}: ${point.all.n} objects of ${data.source}`,
      textTable([headRow('mean IoU, %', point), ...iouRows(iou)]),
      textTable([headRow('clicks', point), ...countRows(noc)]),
      textTable([CALIBRATION_HEAD, ...calibrationRows(calibration)]),
    ];
  });
  const gains = differences.map(({ model, than, iou }) => {
    const head = headRow(`${model} less ${than}, points`, iou['point'] as (typeof iou)[string]);
    return textTable([head, ...iouRows(iou)]);
  });
  return ['', ...parts, ...gains].join('\n\n').trimStart();
}
