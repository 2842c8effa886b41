import type { LabelledObject } from '../../labels/labelled-object.js';
import type { ModelResult } from '../evaluation.js';
import { PICTURED } from '../measured.js';
import type { Results } from '../results.js';
import type { Summary } from '../summary.js';
import { calibrationChart, clicksChart } from './charts.js';
import { escaped } from './escaped.js';
import { objectFigure } from './pictures.js';
import {
  CALIBRATION_HEAD,
  calibrationRows,
  countRows,
  headRow,
  iouRows,
  type Row,
} from './table.js';
import { PICTURE_TITLES } from './titles.js';

/**
 * The report: one file of HTML with everything in it, that loads nothing and runs nothing.
 * @param objects all that were evaluated: of the worst, labels and photographs are drawn.
 */
export async function htmlReport(
  results: Results,
  models: readonly ModelResult[],
  objects: readonly LabelledObject[],
): Promise<string> {
  const byId = new Map(objects.map((object) => [object.id, object]));
  const { data, seed, skipped } = results;
  const lost = skipped.map(({ reason, count, examples }) => {
    return `<li>${count}: ${escaped(reason)}<br><small>${examples.map(escaped).join('<br>')}</small></li>`;
  });
  const summaries = results.models.map(({ name, ...summary }) => ({ name, summary }));
  const charts = [
    clicksChart(summaries),
    calibrationChart(summaries, 'point', 'inmost point'),
    calibrationChart(summaries, 'box', 'box'),
  ];
  const sections: string[] = [];
  for (const [i, { name, summary }] of summaries.entries()) {
    sections.push(`<h2>${escaped(name)}</h2>`, tables(name, summary));
    const { worst } = models[i] as ModelResult;
    for (const protocol of PICTURED) {
      const title = `${name}: least IoU by ${PICTURE_TITLES[protocol]}`;
      sections.push(`<h3>${escaped(title)}</h3><div class="objects">`);
      for (const shown of worst.of(protocol)) {
        const label = byId.get(shown.object.id);
        if (label) sections.push(await objectFigure(label, shown, protocol));
      }
      sections.push('</div>');
    }
  }
  for (const { model, than, iou } of results.differences) {
    const head = headRow('IoU, points', iou['point'] as (typeof iou)[string]);
    sections.push(`<h2>${escaped(`${model} less ${than}`)}</h2>`, table([head, ...iouRows(iou)]));
  }
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Evaluation of ${escaped(results.models.map(({ name }) => name).join(', '))}</title>
<style>${STYLE}</style>
<h1>Evaluation of ${escaped(results.models.map(({ name }) => name).join(', '))}</h1>
<p>${data.objects} objects in ${data.images} images of <code>${escaped(data.source)}</code>, seed ${seed}. Means over objects ±
standard error.</p>
${lost.length > 0 ? `<details><summary>Skipped</summary><ul>${lost.join('')}</ul></details>` : ''}
<div class="charts">${charts.join('')}</div>
<p>In the pictures the label has a <b class="label">white and black outline</b>, the mask a <b class="mask">blue ground</b>;
clicks for the object are green, against it red.</p>
${sections.join('\n')}
</html>
`;
}

function tables(name: string, { iou, noc, calibration }: Summary) {
  const point = iou['point'] as (typeof iou)[string];
  return [
    table([headRow('mean IoU, %', point), ...iouRows(iou)]),
    table([headRow(`clicks, ${name}`, point), ...countRows(noc)]),
    table([CALIBRATION_HEAD, ...calibrationRows(calibration)]),
  ].join('');
}

function table([head, ...rows]: readonly Row[]): string {
  const line = (row: Row, cell: string) =>
    `<tr>${row.map((text) => `<${cell}>${escaped(text)}</${cell}>`).join('')}</tr>`;
  const body = rows.map((row) => line(row, 'td')).join('');
  return `<table><thead>${line(head as Row, 'th')}</thead><tbody>${body}</tbody></table>`;
}

const STYLE = `
body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
table{border-collapse:collapse;margin:1rem 0 2rem;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .9rem;text-align:right;border-bottom:1px solid #dde1e6;white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}
.charts,.objects{display:flex;flex-wrap:wrap;gap:1.2rem;align-items:flex-start}
figure{margin:0}figcaption{font-size:13px;overflow-wrap:anywhere}
.chart{width:23rem}.chart text{font-size:11px;fill:#555}.chart .grid{stroke:#e3e6ea}
.chart p{margin:0;font-size:13px}.chart span{margin-right:1rem;white-space:nowrap}
.chart i{display:inline-block;width:1.5rem;margin-right:.4rem;vertical-align:middle}
.objects figure{width:13.5rem}.objects svg{width:100%;max-height:20rem;display:block;background:#eee}
.objects path,.objects circle{vector-effect:non-scaling-stroke}
path.mask{fill:#1e90ff88;stroke:#1e6fff;stroke-width:1.5;fill-rule:evenodd}
path.label{fill:none;stroke:#fff;stroke-width:2;stroke-dasharray:6 3;paint-order:stroke;filter:drop-shadow(0 0 1px #000)}
path.box{fill:none;stroke:#ffd21e;stroke-width:2}
circle{stroke:#fff;stroke-width:1.5}.inside{fill:#1fae3e}.outside{fill:#e02828}
b.mask{background:#1e90ff55}b.label{border:1px dashed #000}`;
