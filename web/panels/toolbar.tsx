import { seeWhole, view, zoom } from '../canvas/view.js';
import type { IconName } from '../controls/icon.js';
import { ToolButton } from '../controls/tool-button.js';
import { clearScene, redo, redoable, undo, undoable } from '../state/scene.js';
import { textModel } from '../state/service.js';
import { brushWidth, mode, type Tool, tool } from '../state/tool.js';

const TOOLS: readonly { tool: Tool; icon: IconName; label: string; shortcut: string }[] = [
  { tool: 'point', icon: 'point', label: 'Points and boxes', shortcut: 'P' },
  { tool: 'brush', icon: 'brush', label: 'Brush', shortcut: 'B' },
  {
    tool: 'example',
    icon: 'example',
    label: 'Box around an example of what to find',
    shortcut: 'E',
  },
  { tool: 'move', icon: 'move', label: 'Move the image', shortcut: 'M' },
];

/** What the pointer does, and how the image is seen. */
export function Toolbar() {
  return (
    <div class="toolbar" role="toolbar" aria-label="Tools">
      <div class="group">
        {TOOLS.filter(({ tool: each }) => each !== 'example' || textModel.value).map(
          ({ tool: each, ...button }) => (
            <ToolButton
              key={each}
              {...button}
              pressed={tool.value === each}
              onClick={() => {
                tool.value = each;
              }}
            />
          ),
        )}
      </div>
      <div class="group">
        <ToolButton
          icon="plus"
          label="Add to the object"
          shortcut="A"
          pressed={mode.value === 1}
          onClick={() => {
            mode.value = 1;
          }}
        />
        <ToolButton
          icon="minus"
          label="Subtract from the object"
          shortcut="S"
          pressed={mode.value === 0}
          onClick={() => {
            mode.value = 0;
          }}
        />
      </div>
      {tool.value === 'brush' && <BrushWidth />}
      <div class="group">
        <ToolButton
          icon="undo"
          label="Undo"
          shortcut="Control+Z"
          disabled={!undoable.value}
          onClick={undo}
        />
        <ToolButton
          icon="redo"
          label="Redo"
          shortcut="Control+Y"
          disabled={!redoable.value}
          onClick={redo}
        />
        <ToolButton icon="clear" label="Clear all" onClick={clearScene} />
      </div>
      <div class="group zoom">
        <ToolButton icon="minus" label="Zoom out" shortcut="-" onClick={() => zoom(1 / 1.25)} />
        <output aria-label="Zoom">{Math.round(view.value.scale * 100)} %</output>
        <ToolButton icon="plus" label="Zoom in" shortcut="+" onClick={() => zoom(1.25)} />
        <ToolButton icon="whole" label="See the whole image" shortcut="0" onClick={seeWhole} />
      </div>
    </div>
  );
}

function BrushWidth() {
  return (
    <label class="group brush">
      <span class="unseen">Width of the brush</span>
      <input
        type="range"
        min="4"
        max="96"
        value={brushWidth.value}
        onInput={({ currentTarget }) => {
          brushWidth.value = currentTarget.valueAsNumber;
        }}
      />
    </label>
  );
}
