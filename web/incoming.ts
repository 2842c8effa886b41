import { signal } from '@preact/signals';
import { tell } from './state/notice.js';
import { openImage } from './state/picture.js';

/** Whether a file is dragged over the page. */
export const dragging = signal(false);

/** Takes images that are dropped on the page or pasted into it. */
export function listenToImages(): void {
  addEventListener('dragover', (event) => {
    event.preventDefault();
    dragging.value = true;
  });
  addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) dragging.value = false;
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    dragging.value = false;
    if (event.dataTransfer) take(event.dataTransfer.files);
  });
  addEventListener('paste', (event) => {
    const files = event.clipboardData?.files;
    if (files?.length) take(files);
  });
}

/** The first of files that is an image, as far as can be told by its type: the service looks closer. */
export function take(files: FileList): void {
  const file = [...files].find(({ type }) => type.startsWith('image/'));
  if (file) void openImage(file, file.name);
  else if (files.length > 0)
    tell('That is not an image: JPEG, PNG, WebP and AVIF are read.', 'error');
}
