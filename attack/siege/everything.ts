import { type Attack, inTurn, type Kind } from './kind.js';
import { unreadAnswer } from './unread.js';

/** Keeps every mask that every point gives. */
export const ZERO_THRESHOLDS = {
  pred_iou_thresh: 0,
  stability_score_thresh: 0,
  box_nms_thresh: 1,
};

/** Everything mode with nothing left out, for nobody. */
export const everything: Kind = {
  name: 'everything',
  connections: 4,
  pauseMs: 1000,
  async prepare(share) {
    const points_per_side = Math.max(1, Math.floor(share * 90));
    const to =
      (accept: string, fields: object): Attack =>
      (target) =>
        unreadAnswer(target, 'POST', '/everything', accept, {
          ...ZERO_THRESHOLDS,
          points_per_side,
          ...fields,
        });
    return inTurn(
      to('application/json', { format: 'png' }),
      to('application/x-ndjson', { format: 'rle_counts' }),
      to('application/json', { format: 'labelstudio_rle', min_mask_region_area: 100 }),
      to('application/json', { format: 'geojson', transform: [0.1, 0, 5, 0, -0.1, 50] }),
    );
  },
};
