import { Panel } from '../controls/panel.js';
import { embedding } from '../state/decoding.js';
import { opening, picture } from '../state/picture.js';
import { type StageState, stages } from '../state/stages.js';

const LABELS: Readonly<Record<StageState['name'], string>> = {
  hash: 'Hash the file',
  upload: 'Upload',
  queue: 'Wait for the encoder',
  encode: 'Encode',
  fetch: 'Fetch embedding and decoder',
  prepare: 'Prepare the decoder',
  ready: 'Ready to decode here',
};

/** What the image is, and how it came to be ready. */
export function ImagePanel() {
  const image = picture.value;
  return (
    <Panel title="Image">
      {image && (
        <p class="note">
          {image.name}, {image.width} × {image.height}
        </p>
      )}
      <ol class="stages" aria-label="Steps" aria-busy={opening.value}>
        {stages.value.map((stage) => (
          <Stage key={stage.name} {...stage} />
        ))}
      </ol>
      {embedding.value?.warnings.map((warning) => (
        <p class="note warning" key={warning}>
          {warning}
        </p>
      ))}
    </Panel>
  );
}

function Stage({ name, state, fraction, ms }: StageState) {
  const percent = fraction === undefined ? undefined : Math.round(100 * fraction);
  return (
    <li data-stage={name} data-state={state}>
      <span>{LABELS[name]}</span>
      {state === 'running' && <progress max="100" value={percent} aria-label={LABELS[name]} />}
      <output>{figure(state, percent, ms)}</output>
    </li>
  );
}

function figure(state: StageState['state'], percent?: number, ms?: number): string {
  if (state === 'skipped') return 'not needed';
  if (state === 'running') return percent === undefined ? '' : `${percent} %`;
  return ms === undefined ? '' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
