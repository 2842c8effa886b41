import { Icon } from '../controls/icon.js';
import { Panel } from '../controls/panel.js';
import { ready } from '../state/decoding.js';
import { density, findEverything, progress } from '../state/everything.js';
import { searching, stopSearch } from '../state/found.js';
import { FoundRows } from './found-rows.js';

const DENSITIES = [
  { points: 8, label: 'Coarse' },
  { points: 16, label: 'Medium' },
  { points: 32, label: 'Fine' },
];

/** Finds all objects of the image, and lets one pick them. */
export function EverythingPanel() {
  const running = searching.value === 'everything';
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
          {Math.round(100 * progress.value)} %
        </progress>
      )}
      <FoundRows search="everything" />
    </Panel>
  );
}
