import { CLICKS } from '../measured.js';
import type { Summary } from '../summary.js';
import { escaped } from './escaped.js';

const COLOURS = ['#1e6fff', '#d2690e', '#0a8f68', '#b0409f'];
const [WIDE, HIGH, LEFT, BOTTOM] = [420, 260, 40, 30];

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly dashed?: boolean;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Mean IoU by number of clicks, for each model without and with the logits of the mask before. */
export function clicksChart(models: readonly { name: string; summary: Summary }[]): string {
  const lines = models.flatMap(({ name, summary }, i) =>
    (['clicks', 'clicks_with_logits'] as const).map((series): Line => {
      const points = CLICKS.map(
        (n, at) => [at, summary.iou[`${series}_${n}`]?.all.mean ?? 0] as const,
      );
      const dashed = series === 'clicks_with_logits';
      return { name: dashed ? `${name}, logits` : name, colour: colourOf(i), dashed, points };
    }),
  );
  return chart('Mean IoU by clicks', lines, CLICKS.map(String));
}

/** Mean IoU of the masks whose predicted IoU is alike, of which the diagonal is the ideal. */
export function calibrationChart(
  models: readonly { name: string; summary: Summary }[],
  protocol: string,
  title: string,
): string {
  const lines = models.map(({ name, summary }, i): Line => {
    const bins = summary.calibration[protocol]?.bins ?? [];
    const points = bins.map((bin) => [10 * Math.min(1, bin.predicted_iou), bin.iou] as const);
    return { name, colour: colourOf(i), points };
  });
  const ideal: Line = {
    name: 'ideal',
    colour: '#999',
    dashed: true,
    points: [
      [0, 0],
      [10, 1],
    ],
  };
  const ticks = Array.from({ length: 11 }, (_, i) => (i / 10).toFixed(1));
  return chart(`IoU by predicted IoU: ${title}`, [ideal, ...lines], ticks);
}

function colourOf(place: number): string {
  return COLOURS[place % COLOURS.length] as string;
}

/** @param lines whose y is from 0 to 1, and whose x is the place of a tick. */
function chart(title: string, lines: readonly Line[], ticks: readonly string[]): string {
  const x = (at: number) => LEFT + (at / Math.max(1, ticks.length - 1)) * (WIDE - LEFT - 16);
  const y = (value: number) =>
    HIGH - BOTTOM - Math.min(1, Math.max(0, value)) * (HIGH - BOTTOM - 10);
  const at = (value: number) => value.toFixed(1);
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (value) =>
      `<path class="grid" d="M${LEFT} ${at(y(value))}H${WIDE - 16}"/>` +
      `<text x="${LEFT - 6}" y="${at(y(value) + 4)}" text-anchor="end">${100 * value}</text>`,
  );
  const marks = ticks.map(
    (tick, i) => `<text x="${at(x(i))}" y="${HIGH - 10}" text-anchor="middle">${tick}</text>`,
  );
  const drawn = lines.map(({ colour, dashed, points }) => {
    const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${at(x(px))} ${at(y(py))}`);
    const dots = points.map(
      ([px, py]) => `<circle cx="${at(x(px))}" cy="${at(y(py))}" r="3" fill="${colour}"/>`,
    );
    const dash = dashed ? ' stroke-dasharray="5 4"' : '';
    return `<path d="${path.join('')}" stroke="${colour}"${dash} fill="none" stroke-width="2"/>${dots.join('')}`;
  });
  const legend = lines.map(({ name, colour, dashed }) => {
    const style = dashed ? 'dashed' : 'solid';
    return `<span><i style="border-top:2px ${style} ${colour}"></i>${escaped(name)}</span>`;
  });
  return (
    `<figure class="chart"><figcaption>${escaped(title)}, %</figcaption>` +
    `<svg viewBox="0 0 ${WIDE} ${HIGH}" role="img" aria-label="${escaped(title)}">` +
    `${grid.join('')}${marks.join('')}${drawn.join('')}</svg><p>${legend.join(' ')}</p></figure>`
  );
}
