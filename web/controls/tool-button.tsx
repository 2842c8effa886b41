import { Icon, type IconName } from './icon.js';

interface ToolButtonProps {
  icon: IconName;
  label: string;
  /** The key that does the same. */
  shortcut?: string;
  /** Of what is on or off. */
  pressed?: boolean;
  disabled?: boolean;
  onClick: () => void;
}

/** A button with a picture only. */
export function ToolButton({ icon, label, shortcut, pressed, disabled, onClick }: ToolButtonProps) {
  return (
    <button
      type="button"
      class="tool"
      aria-label={label}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut}
      title={shortcut ? `${label} (${shortcut.replaceAll('+', ' ')})` : label}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
