import { signal } from '@preact/signals';

export interface Notice {
  readonly text: string;
  readonly kind: 'error' | 'done';
}

/** What was said last, until it is dismissed or something else is. */
export const notice = signal<Notice | undefined>(undefined);

/** What screen readers are told of what is seen on the canvas. */
export const announcement = signal('');

export function tell(text: string, kind: Notice['kind'] = 'done'): void {
  notice.value = { text, kind };
}

export function announce(text: string): void {
  announcement.value = text;
}

/** Runs what may fail, and says so. */
export async function telling(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return;
    tell(error instanceof Error ? error.message : String(error), 'error');
  }
}
