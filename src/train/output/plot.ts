import { escaped } from '../../evaluate/report/escaped.js';
import type { StepReport, ValidationReport } from '../run/run-state.js';

/** In pixels. */
const [WIDTH, HEIGHT, MARGIN] = [800, 400, 56];
/** Of the steps, how many are averaged for the line. */
const SMOOTHING = 0.04;

type At = readonly [x: number, y: number];

/** Loss and validation IoU over the steps of a run, as an SVG. */
export function drawPlot(
  steps: readonly StepReport[],
  validations: readonly ValidationReport[],
  title: string,
): string {
  const last = Math.max(1, steps.at(-1)?.step ?? 1);
  const most = Math.max(...steps.map(({ loss }) => loss), 1e-6);
  const x = (step: number) => MARGIN + (step / last) * (WIDTH - 2 * MARGIN);
  const y = (part: number) => HEIGHT - MARGIN - part * (HEIGHT - 2 * MARGIN);
  const raw = steps.map(({ step, loss }): At => [x(step), y(loss / most)]);
  const smooth = smoothed(steps.map(({ loss }) => loss)).map(
    (loss, i): At => [x(steps[i]?.step ?? 0), y(loss / most)],
  );
  const ious = validations.map(({ step, iou }): At => [x(step), y(iou)]);
  const parts = [0, 0.25, 0.5, 0.75, 1];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${WIDTH / 2}" y="24" text-anchor="middle" font-size="15">${escaped(title)}</text>
${parts
  .map((part) => {
    const at = y(part);
    return `<path d="M${MARGIN} ${at}H${WIDTH - MARGIN}" stroke="#ddd"/>
<text x="${MARGIN - 6}" y="${at + 4}" text-anchor="end" fill="#1e6fd0">${(part * most).toPrecision(2)}</text>
<text x="${WIDTH - MARGIN + 6}" y="${at + 4}" fill="#c04a00">${(100 * part).toFixed(0)} %</text>
<text x="${x(part * last)}" y="${HEIGHT - MARGIN + 18}" text-anchor="middle">${Math.round(part * last)}</text>`;
  })
  .join('\n')}
<text x="${MARGIN}" y="${MARGIN - 12}" text-anchor="middle" fill="#1e6fd0">loss</text>
<text x="${WIDTH - MARGIN}" y="${MARGIN - 12}" text-anchor="middle" fill="#c04a00">validation IoU</text>
<text x="${WIDTH / 2}" y="${HEIGHT - 14}" text-anchor="middle">step</text>
${line(raw, '#1e6fd0', 'opacity=".25"')}
${line(smooth, '#1e6fd0', 'stroke-width="2"')}
${line(ious, '#c04a00', 'stroke-width="2"')}
${ious.map(([cx, cy]) => `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="3" fill="#c04a00"/>`).join('')}
</svg>
`;
}

function line(points: readonly At[], colour: string, more: string): string {
  const path = points.map((point) => point.map((at) => at.toFixed(1)).join(' ')).join('L');
  return path ? `<path d="M${path}" fill="none" stroke="${colour}" ${more}/>` : '';
}

/** Each value with the mean of those around it. */
function smoothed(values: readonly number[]): number[] {
  const reach = Math.ceil(values.length * SMOOTHING);
  return values.map((_, i) => {
    const near = values.slice(Math.max(0, i - reach), i + reach + 1);
    return near.reduce((a, b) => a + b) / near.length;
  });
}
