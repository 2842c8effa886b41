import { Icon } from '../controls/icon.js';
import { Panel } from '../controls/panel.js';
import { answerOf, askAgain } from '../state/answers.js';
import { isEmpty } from '../state/prompt.js';
import {
  activeObject,
  addObject,
  maskOf,
  removeObject,
  renameObject,
  type SegmentedObject,
  scene,
  selectObject,
} from '../state/scene.js';
import { Candidates } from './candidates.js';

/** The objects, and the candidates of the active one. */
export function ObjectsPanel() {
  const { objects } = scene.value;
  const add = (
    <button
      type="button"
      class="quiet"
      disabled={isEmpty(activeObject.value.prompt)}
      aria-keyshortcuts="N"
      title="New object (N)"
      onClick={addObject}
    >
      <Icon name="plus" />
      New object
    </button>
  );
  return (
    <Panel title="Objects" aside={add}>
      <ul class="objects">
        {objects.map((object) => (
          <ObjectRow key={object.id} object={object} />
        ))}
      </ul>
      <Candidates />
    </Panel>
  );
}

function ObjectRow({ object }: { object: SegmentedObject }) {
  const { id, name, colour, prompt } = object;
  const active = scene.value.active === id;
  const state = isEmpty(prompt) ? 'empty' : answerOf(prompt).value.state;
  return (
    <li data-active={active} data-state={state}>
      <button
        type="button"
        class="swatch"
        aria-label={`Select ${name}`}
        aria-pressed={active}
        onClick={() => selectObject(id)}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <circle cx="8" cy="8" r="7" fill={colour} />
        </svg>
      </button>
      <input
        class="name"
        aria-label={`Name of ${name}`}
        value={name}
        onFocus={() => selectObject(id)}
        onChange={({ currentTarget }) => renameObject(id, currentTarget.value.trim() || name)}
      />
      <Status object={object} />
      <button
        type="button"
        class="tool small"
        aria-label={`Remove ${name}`}
        title={`Remove ${name}`}
        onClick={() => removeObject(id)}
      >
        <Icon name="close" />
      </button>
    </li>
  );
}

/** How much of the image an object is, or why that is not known. */
function Status({ object }: { object: SegmentedObject }) {
  const { prompt } = object;
  if (isEmpty(prompt)) return <span class="figure">empty</span>;
  const answer = answerOf(prompt).value;
  if (answer.state === 'pending') return <span class="figure busy">…</span>;
  if (answer.state === 'failed') {
    return (
      <button type="button" class="quiet" title={answer.message} onClick={() => askAgain(prompt)}>
        Try again
      </button>
    );
  }
  const mask = maskOf(object);
  if (!mask) return null;
  const [height, width] = mask.segmentation.size;
  return <span class="figure">{((100 * mask.area) / (width * height)).toFixed(1)} %</span>;
}
