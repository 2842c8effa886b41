import { Icon } from '../controls/icon.js';
import { dragging, take } from '../incoming.js';
import { drawSample, SAMPLES } from '../samples/samples.js';
import { telling } from '../state/notice.js';
import { nameOf, openImage } from '../state/picture.js';
import { fetchesUrls, model, models } from '../state/service.js';

const TYPES = 'image/jpeg,image/png,image/webp,image/avif';

/** The ways to begin. */
export function OpenPanel() {
  return (
    <div class="open" data-dragging={dragging.value}>
      <h2>Segment anything in an image</h2>
      <p class="lead">
        The service embeds your image once. This page then answers every click by itself, in
        milliseconds.
      </p>
      <div class="drop">
        <Icon name="image" />
        <p>Drop an image here, or paste one</p>
        <div class="row centre">
          <FileButton label="Choose an image" primary />
          <FileButton label="Take a photograph" capture />
        </div>
      </div>
      {fetchesUrls.value && <UrlForm />}
      <div class="samples">
        <h3>Or begin with a drawing</h3>
        <ul>
          {SAMPLES.map((sample) => (
            <li key={sample.name}>
              <button
                type="button"
                onClick={() =>
                  telling(async () => openImage(await drawSample(sample), `${sample.name}.png`))
                }
              >
                <img src={sample.url.href} alt="" width="192" height="128" />
                <span>{sample.name}</span>
              </button>
            </li>
          ))}
        </ul>
      </div>
      {models.value.length > 1 && <ModelChoice />}
    </div>
  );
}

/** A button that opens the browser's choice of files, or a phone's camera. */
function FileButton(props: { label: string; primary?: boolean; capture?: boolean }) {
  const { label, primary = false, capture = false } = props;
  return (
    <label class={`button ${primary ? 'primary' : ''} ${capture ? 'for-phones' : ''}`}>
      <Icon name={capture ? 'camera' : 'image'} />
      {label}
      <input
        class="unseen"
        type="file"
        accept={TYPES}
        capture={capture ? 'environment' : undefined}
        onChange={({ currentTarget }) => {
          if (currentTarget.files) take(currentTarget.files);
        }}
      />
    </label>
  );
}

function UrlForm() {
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    const url = new URL(String(new FormData(event.currentTarget as HTMLFormElement).get('url')));
    void openImage(url, nameOf(url));
  };
  return (
    <form class="row url" onSubmit={onSubmit}>
      <label class="field">
        <span class="unseen">Address of an image</span>
        <input name="url" type="url" required placeholder="https://…" />
      </label>
      <button type="submit">Open</button>
    </form>
  );
}

function ModelChoice() {
  return (
    <label class="field model">
      <span>Model</span>
      <select
        value={model.value}
        onChange={({ currentTarget }) => {
          model.value = currentTarget.value;
        }}
      >
        {models.value.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
