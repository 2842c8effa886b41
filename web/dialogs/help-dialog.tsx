import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

export const helpShown = signal(false);

const HELP: readonly (readonly [keys: string, what: string])[] = [
  ['Move', 'See the mask that a click would make'],
  ['Click', 'Add what is there to the object'],
  ['Right click, Alt click', 'Subtract what is there'],
  ['Drag', 'Draw a box around the object; with the brush, paint it'],
  ['Wheel, 1 2 3', 'Choose among three masks'],
  ['Ctrl wheel, + − 0', 'Zoom in, zoom out, see the whole image'],
  ['Two fingers', 'Move and zoom'],
  ['Arrow keys on the image', 'Move a cursor; with Shift in small steps'],
  ['Enter, Shift Enter', 'Add or subtract at the cursor; with the brush, begin and end painting'],
  ['R', 'Begin a box at the cursor; Enter ends it, Escape leaves it'],
  ['P, B, M', 'Points and boxes, brush, move'],
  ['E', 'A box around an example of what to find, where the service finds things by name'],
  ['A, S', 'Add, subtract'],
  ['N, Delete', 'New object, remove the object'],
  ['Ctrl Z, Ctrl Y', 'Undo, redo'],
];

export function HelpDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = helpShown.value;
  useEffect(() => {
    if (shown) dialog.current?.showModal();
  }, [shown]);
  const close = () => {
    helpShown.value = false;
  };
  if (!shown) return null;
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="help-title" onClose={close}>
      <h2 id="help-title">Help</h2>
      <dl class="keys">
        {HELP.map(([keys, what]) => (
          <div key={keys}>
            <dt>{keys}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="note">
        The service embeds an image once. This browser then fetches the embedding and the decoder,
        and answers every click by itself, without a request.
      </p>
      <div class="row end">
        <button type="button" class="primary" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
