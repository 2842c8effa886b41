import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { connection, useKey } from '../state/service.js';

/** Asks for a key where the service wants one. */
export function KeyDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const refused = useSignal(false);
  const wanted = connection.value === 'key';
  useEffect(() => {
    if (wanted) dialog.current?.showModal();
  }, [wanted]);
  if (!wanted) return null;

  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    const key = new FormData(event.currentTarget as HTMLFormElement).get('key');
    refused.value = !(await useKey(String(key ?? '').trim()));
  };
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="key-title"
      // It is of no use without a key.
      onCancel={(event) => event.preventDefault()}
    >
      <form onSubmit={onSubmit}>
        <h2 id="key-title">This service wants a key</h2>
        <p class="note">It is kept for this tab only, and sent to this service alone.</p>
        <label class="field">
          <span>Key</span>
          <input
            name="key"
            type="password"
            autocomplete="off"
            required
            aria-invalid={refused.value}
          />
        </label>
        {refused.value && (
          <p class="note warning" role="alert">
            The service does not know this key.
          </p>
        )}
        <div class="row end">
          <button type="submit" class="primary">
            Use it
          </button>
        </div>
      </form>
    </dialog>
  );
}
