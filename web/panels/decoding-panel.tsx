import { Panel } from '../controls/panel.js';
import { decodeAt, fallback, lastMs, place, type Wish, wish } from '../state/decoding.js';
import { telling } from '../state/notice.js';
import { showProgress } from '../state/stages.js';
import { placeName } from './place-name.js';

const WISHES: readonly { wish: Wish; label: string }[] = [
  { wish: 'auto', label: 'Automatic' },
  { wish: 'webgpu', label: 'This browser, by WebGPU' },
  { wish: 'wasm', label: 'This browser, by WebAssembly' },
  { wish: 'server', label: 'The server' },
];

/** Where decoding runs, and where it is to. */
export function DecodingPanel() {
  return (
    <Panel title="Decoding">
      <label class="field">
        <span>Decode prompts by</span>
        <select
          value={wish.value}
          onChange={({ currentTarget }) =>
            telling(() => decodeAt(currentTarget.value as Wish, showProgress))
          }
        >
          {WISHES.map(({ wish: each, label }) => (
            <option key={each} value={each}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <p class="note" data-testid="place">
        {place.value ? `${placeName(place.value)}.` : 'Getting ready.'}
        {lastMs.value !== undefined && ` The last mask took ${Math.round(lastMs.value)} ms.`}
      </p>
      {fallback.value && <p class="note">Why not elsewhere: {fallback.value}.</p>}
    </Panel>
  );
}
