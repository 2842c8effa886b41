import { Icon } from '../controls/icon.js';
import { announcement, notice } from '../state/notice.js';

/** What has just been done or gone wrong, and for screen readers what is seen. */
export function Notices() {
  const said = notice.value;
  return (
    <>
      <div class="notices" role="status">
        {said && (
          <div class="notice" data-kind={said.kind}>
            <span>{said.text}</span>
            <button
              type="button"
              class="tool small"
              aria-label="Dismiss"
              onClick={() => {
                notice.value = undefined;
              }}
            >
              <Icon name="close" />
            </button>
          </div>
        )}
      </div>
      <div class="unseen" role="log" aria-live="polite" aria-label="Announcements">
        {announcement.value}
      </div>
    </>
  );
}
