import { Icon } from '../controls/icon.js';
import { Panel } from '../controls/panel.js';
import { everythingAsCurl, promptAsCurl } from '../exports/curl.js';
import { copyImage, download } from '../exports/download.js';
import type { Exported, Origin } from '../exports/export.js';
import { type ExportFormat, FORMATS } from '../exports/formats.js';
import { toTightCutOut } from '../exports/pictures.js';
import { predictPromptOf } from '../state/answers.js';
import { embedding } from '../state/decoding.js';
import { answered } from '../state/everything.js';
import { tell, telling } from '../state/notice.js';
import { picture } from '../state/picture.js';
import { foundMask, isEmpty } from '../state/prompt.js';
import { activeObject, masked } from '../state/scene.js';
import { apiKey, SERVICE } from '../state/service.js';

/** What can be taken away. */
export function ExportPanel() {
  const count = masked.value.length;
  const active = activeObject.value;
  const shown = masked.value.some(({ object }) => object.id === active.id);
  const asked = shown && !isEmpty(active.prompt) && !foundMask(active.prompt);
  const canAsk = asked || answered.value !== undefined;
  return (
    <Panel title="Export">
      <p class="note">
        {count === 0
          ? 'Nothing yet: click an object.'
          : count === 1
            ? 'One object'
            : `All ${count} objects`}
      </p>
      <div class="formats">
        {FORMATS.map((format) => (
          <button
            type="button"
            key={format.name}
            title={format.about}
            disabled={count === 0}
            onClick={() => telling(() => save(format))}
          >
            <Icon name="download" />
            {format.name}
          </button>
        ))}
      </div>
      <div class="row">
        <button type="button" disabled={!shown} onClick={() => telling(copyCutOut)}>
          <Icon name="copy" />
          Copy cut-out
        </button>
        <button type="button" disabled={!canAsk} onClick={() => telling(copyCurl)}>
          <Icon name="copy" />
          Copy as curl
        </button>
      </div>
    </Panel>
  );
}

async function save({ make }: ExportFormat): Promise<void> {
  const objects = masked.value.map(({ object: { name, colour }, mask }) => ({
    name,
    colour,
    mask,
  }));
  const file = await make(objects, origin());
  download(file);
  tell(`Saved ${file.name}`);
}

async function copyCutOut(): Promise<void> {
  const { name, colour } = activeObject.value;
  const mask = masked.value.find(({ object }) => object.id === activeObject.value.id)?.mask;
  if (!mask) return;
  const object: Exported = { name, colour, mask };
  await copyImage(toTightCutOut(object, origin()));
  tell('The cut-out is on the clipboard');
}

/** The request for what is to be chosen from, or else for the active object. */
async function copyCurl(): Promise<void> {
  const image = embedding.value;
  if (!image) return;
  const target = { service: SERVICE, needsKey: apiKey.value !== '' };
  const command = answered.value
    ? everythingAsCurl(target, image, answered.value)
    : promptAsCurl(target, image, await predictPromptOf(activeObject.value.prompt));
  await navigator.clipboard.writeText(command);
  tell('The request is on the clipboard');
}

function origin(): Origin {
  if (!picture.value) throw new Error('there is no image');
  return picture.value;
}
