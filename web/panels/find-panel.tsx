import { Icon } from '../controls/icon.js';
import { Panel } from '../controls/panel.js';
import { ready } from '../state/decoding.js';
import { findText, thresholds } from '../state/find.js';
import { found, searched, searching, stopSearch } from '../state/found.js';
import { textModel } from '../state/service.js';
import { tool } from '../state/tool.js';
import { FoundRows } from './found-rows.js';

/** Finds objects by what they are called, or by an example, where the service can. */
export function FindPanel() {
  if (!textModel.value) return null;
  const running = searching.value === 'name';
  const nothing = searched.value === 'name' && !running && found.value.length === 0;
  const byExample = tool.value === 'example';
  const threshold = byExample ? thresholds.example : thresholds.text;
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    void findText(String(new FormData(event.currentTarget as HTMLFormElement).get('words')));
  };
  return (
    <Panel title="Find by name">
      <form class="row" onSubmit={onSubmit}>
        <label class="field">
          <span class="unseen">What to find</span>
          <input name="words" required maxLength={500} placeholder="a wheel, a door" />
        </label>
        {running ? (
          <button type="button" onClick={stopSearch}>
            Stop
          </button>
        ) : (
          <button type="submit" disabled={!ready.value}>
            <Icon name="search" />
            Find
          </button>
        )}
      </form>
      <label class="field">
        <span>
          Least score {byExample ? 'of what is like the example' : 'of a name'}: {threshold.value}
        </span>
        <input
          type="range"
          min="0"
          max="0.95"
          step="0.05"
          value={threshold.value}
          onInput={({ currentTarget }) => {
            threshold.value = currentTarget.valueAsNumber;
          }}
        />
      </label>
      {running && (
        <p class="note" role="status">
          Looking. The first time in an image takes longer.
        </p>
      )}
      {nothing && <p class="note">Nothing is left. A lower score finds more.</p>}
      <FoundRows search="name" />
    </Panel>
  );
}
