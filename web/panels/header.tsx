import { Icon } from '../controls/icon.js';
import { helpShown } from '../dialogs/help-dialog.js';
import icon from '../icon.svg';
import { leave, opening, picture } from '../state/picture.js';
import { SERVICE } from '../state/service.js';
import { PlaceBadge } from './place-badge.js';

const ICON = new URL(icon, import.meta.url).href;

export function Header() {
  const begun = picture.value !== undefined || opening.value;
  return (
    <header class="header">
      <img src={ICON} alt="" width="28" height="28" />
      <h1>sam-split</h1>
      {begun && <PlaceBadge />}
      <nav aria-label="Page">
        {begun && (
          <button type="button" class="quiet" onClick={leave}>
            <Icon name="image" />
            New image
          </button>
        )}
        <a class="quiet api" href={new URL('docs', SERVICE).href}>
          API
        </a>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            helpShown.value = true;
          }}
        >
          <Icon name="help" />
          Help
        </button>
      </nav>
    </header>
  );
}
