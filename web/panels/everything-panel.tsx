import { Icon } from '../controls/icon.js';
import { Panel } from '../controls/panel.js';
import { ready } from '../state/decoding.js';
import {
  density,
  findEverything,
  forgetFound,
  found,
  pickAll,
  progress,
  stopSearch,
} from '../state/everything.js';

const DENSITIES = [
  { points: 8, label: 'Coarse' },
  { points: 16, label: 'Medium' },
  { points: 32, label: 'Fine' },
];

/** Finds all objects of the image, and lets one pick them. */
export function EverythingPanel() {
  const running = progress.value !== undefined;
  const count = found.value.length;
  return (
    <Panel title="Everything">
      <div class="row">
        <label class="field">
          <span class="unseen">How closely to look</span>
          <select
            value={density.value}
            disabled={running}
            onChange={({ currentTarget }) => {
              density.value = Number(currentTarget.value);
            }}
          >
            {DENSITIES.map(({ points, label }) => (
              <option key={points} value={points}>
                {label}
              </option>
            ))}
          </select>
        </label>
        {running ? (
          <button type="button" onClick={stopSearch}>
            Stop
          </button>
        ) : (
          <button type="button" disabled={!ready.value} onClick={findEverything}>
            <Icon name="sparkles" />
            Find everything
          </button>
        )}
      </div>
      {running && (
        <progress max="1" value={progress.value} aria-label="Search for everything">
          {Math.round(100 * (progress.value ?? 0))} %
        </progress>
      )}
      {(running || count > 0) && (
        <p class="note" data-testid="found">
          {count} found. Click those to keep.
        </p>
      )}
      {count > 0 && (
        <div class="row">
          <button type="button" onClick={pickAll} disabled={running}>
            Keep all
          </button>
          <button type="button" class="quiet" onClick={forgetFound}>
            Discard
          </button>
        </div>
      )}
    </Panel>
  );
}
