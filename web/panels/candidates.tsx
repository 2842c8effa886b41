import type { DecodedMask } from 'sam-split-client';
import { pathData } from '../../src/masks/formats/svg.js';
import { tracePolygons } from '../../src/masks/outlines/polygons.js';
import { simplifyPolygons } from '../../src/masks/outlines/simplify.js';
import { activeObject, candidates, choose } from '../state/scene.js';

/** The masks that answer an ambiguous prompt, to choose from. */
export function Candidates() {
  const masks = candidates.value;
  const { choice, colour } = activeObject.value;
  if (masks.length < 2) return null;
  return (
    <fieldset class="candidates">
      <legend>What did you mean? Keys 1 2 3, or the mouse wheel.</legend>
      {masks.map((mask, i) => (
        <label key={mask.predicted_iou} class="candidate">
          <input type="radio" name="candidate" checked={i === choice} onChange={() => choose(i)} />
          <Thumbnail mask={mask} colour={colour} />
          <span>
            {i + 1} · {mask.predicted_iou.toFixed(2)}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** The mask alone, in its image's shape. */
function Thumbnail({ mask, colour }: { mask: DecodedMask; colour: string }) {
  const [height, width] = mask.segmentation.size;
  // A point of the drawing is many pixels of the image.
  const coarse = Math.max(width, height) / 100;
  const polygons = tracePolygons(mask.segmentation.counts, { width, height });
  const data = pathData(simplifyPolygons(polygons, coarse));
  return (
    <svg class="thumbnail" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <path d={data} fill={colour} fill-rule="evenodd" />
    </svg>
  );
}
