import { SIZES } from '../measured.js';
import type { Estimate } from '../statistics.js';
import type { BySize, Summary } from '../summary.js';
import { COUNT_TITLES, TITLES } from './titles.js';

const GROUPS = ['all', ...SIZES] as const;

export type Row = readonly [title: string, ...cells: string[]];

/** Means in percent, with their standard errors. */
export function iouRows(iou: Readonly<Record<string, BySize>>): Row[] {
  return Object.entries(iou).map(([name, sizes]) => {
    return [TITLES[name] ?? name, ...GROUPS.map((group) => percent(sizes[group]))];
  });
}

/** Means of clicks, with how many objects never came to the target. */
export function countRows(noc: Summary['noc']): Row[] {
  return Object.entries(noc).map(([name, { clicks, unreached }]) => {
    const cells = GROUPS.map((group) => {
      const lost = unreached[group] > 0 ? ` (${unreached[group]} not)` : '';
      return `${plain(clicks[group])}${lost}`;
    });
    return [COUNT_TITLES[name] ?? name, ...cells];
  });
}

/** The columns' heads, with how many objects they are of. */
export function headRow(title: string, { all, ...sizes }: BySize): Row {
  return [title, `all (${all.n})`, ...SIZES.map((size) => `${size} (${sizes[size].n})`)];
}

/** How good predicted IoU is: expected error, bias and correlation. */
export function calibrationRows(calibration: Summary['calibration']): Row[] {
  return Object.entries(calibration).map(([name, of]) => [
    TITLES[name] ?? name,
    (100 * of.expected_calibration_error).toFixed(1),
    signed(100 * of.bias),
    (100 * of.mean_absolute_error).toFixed(1),
    of.correlation === null ? '-' : of.correlation.toFixed(2),
  ]);
}

export const CALIBRATION_HEAD: Row = [
  'predicted IoU, points',
  'expected error',
  'bias',
  'absolute error',
  'correlation',
];

/** Rows as text, the first column to the left and the others to the right. */
export function textTable(rows: readonly Row[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))),
  );
  return lines.map((cells) => cells.join('  ').trimEnd()).join('\n');
}

function percent({ mean, standard_error: error }: Estimate): string {
  if (mean === null) return '-';
  return (100 * mean).toFixed(1) + (error === null ? '' : ` ± ${(100 * error).toFixed(1)}`);
}

function plain({ mean, standard_error: error }: Estimate): string {
  if (mean === null) return '-';
  return mean.toFixed(2) + (error === null ? '' : ` ± ${error.toFixed(2)}`);
}

function signed(points: number): string {
  return `${points < 0 ? '-' : '+'}${Math.abs(points).toFixed(1)}`;
}
