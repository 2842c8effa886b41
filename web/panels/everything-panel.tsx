import { Icon } from '../controls/icon.js';
import { Panel } from '../controls/panel.js';
import { ready } from '../state/decoding.js';
import { findEverything, LOOKS, type Look, look, progress } from '../state/everything.js';
import { searching, stopSearch } from '../state/found.js';
import { FoundRows } from './found-rows.js';

const CHOICES: Readonly<Record<Look, { readonly label: string; readonly about: string }>> = {
  coarse: { label: 'Coarse', about: 'Large objects, at once.' },
  medium: { label: 'Medium', about: 'Most objects.' },
  quick: { label: 'Fine, quick', about: 'Nearly all objects, in a third of the time.' },
  fine: { label: 'Fine, thorough', about: 'All objects, which takes longest.' },
};

/** Finds all objects of the image, and lets one pick them. */
export function EverythingPanel() {
  const running = searching.value === 'everything';
  return (
    <Panel title="Everything">
      <div class="row">
        <label class="field">
          <span class="unseen">How closely to look</span>
          <select
            value={look.value}
            disabled={running}
            aria-describedby="look"
            onChange={({ currentTarget }) => {
              look.value = currentTarget.value as Look;
            }}
          >
            {(Object.keys(LOOKS) as Look[]).map((each) => (
              <option key={each} value={each}>
                {CHOICES[each].label}
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
      <p id="look" class="note">
        {CHOICES[look.value].about}
      </p>
      {running && (
        <progress max="1" value={progress.value} aria-label="Search for everything">
          {Math.round(100 * progress.value)} %
        </progress>
      )}
      <FoundRows search="everything" />
    </Panel>
  );
}
