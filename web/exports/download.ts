import type { ExportFile } from './export.js';

/** Hands a file to the browser, which keeps it where downloads go. */
export function download({ name, blob }: ExportFile): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to read it by the time anything else runs; a minute is for the slowest.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @throws DOMException where the browser does not let a page write to the clipboard */
export async function copyImage(png: Promise<Blob>): Promise<void> {
  await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
}
