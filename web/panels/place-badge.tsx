import { lastMs, place } from '../state/decoding.js';
import { placeName } from './place-name.js';

/** Where decoding runs, and how long it took. */
export function PlaceBadge() {
  const at = place.value;
  if (!at) return null;
  return (
    <p class="badge" data-place={at.runtime}>
      <span>{placeName(at)}</span>
      {lastMs.value !== undefined && <output>{Math.round(lastMs.value)} ms</output>}
    </p>
  );
}
