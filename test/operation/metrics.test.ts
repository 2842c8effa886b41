import { readFileSync } from 'node:fs';
import t from 'tap';
import { FleetMetrics, JobMetrics, QueueMetrics } from '#src/observe/fleet-metrics.js';
import { Metrics } from '#src/observe/metrics.js';
import { folder } from '../fixtures/folder.js';
import { draw, scene } from '../fixtures/scenes.js';
import { form, startService } from '../fixtures/service.js';

const picture = await draw(scene(1));

t.test('what operators see', async (t) => {
  const { url, post } = await startService(t, { SAM_CACHE_DIR: folder(t) });
  const scrape = async () => (await fetch(`${url}/metrics`)).text();
  const { embedding_id } = (await (await post('/embed', form(picture))).json()) as Record<
    string,
    string
  >;
  await post('/embed', form(picture));
  await post('/decode', { embedding_id, box: [9, 9, 99, 99] });
  await post('/decode', { embedding_id, box: [9, 9, 9, 9] });
  await post('/decode', { embedding_id: `mobile_sam:${'0'.repeat(64)}`, box: [9, 9, 99, 99] });
  await fetch(`${url}/nowhere/at/all`);
  const response = await fetch(`${url}/metrics`);
  t.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  const text = await response.text();

  for (const line of [
    'sam_requests_total{method="POST",route="/embed",status="201"} 1',
    'sam_requests_total{method="POST",route="/embed",status="200"} 1',
    'sam_requests_total{method="POST",route="/decode",status="422"} 1',
    'sam_requests_total{method="GET",route="none",status="404"} 1',
    'sam_rejected_total{reason="prompt-invalid"} 1',
    'sam_rejected_total{reason="embedding-not-found"} 1',
    'sam_cache_lookups_total{tier="memory"} 3',
    'sam_cache_lookups_total{tier="none"} 2',
    'sam_embeds_total{flight="computed"} 1',
    'sam_embeds_total{flight="cached"} 1',
    'sam_lane_wait_seconds_count{lane="encode"} 2',
    'sam_lane_run_seconds_count{lane="decode",task="decode"} 1',
    'sam_step_seconds_count{lane="encode",step="encode"} 1',
    'sam_lane_waiting{lane="encode"} 0',
    'sam_lane_running{lane="decode"} 0',
    'sam_cache_entries{tier="memory"} 1',
    'sam_cache_entries{tier="disk"} 1',
    'sam_upload_bytes 0',
    'sam_pixels_in_flight 0',
    'sam_keys_file_invalid 0',
    'sam_provider_info{model="mobile_sam",network="encoder",provider="cpu"} 1',
  ]) {
    t.ok(text.includes(`\n${line}\n`), line);
  }

  t.test('series do not grow with what clients send', async (t) => {
    // Those of the process itself begin when what they count first happens, whoever caused it.
    const series = async () =>
      (await scrape())
        .split('\n')
        .filter((line) => line.startsWith('sam_'))
        .map((line) => line.slice(0, line.lastIndexOf(' ')));
    await fetch(`${url}/nowhere`);
    const before = await series();
    for (let i = 0; i < 20; i++) await fetch(`${url}/nowhere/${i}`);
    t.same(await series(), before);
  });

  const single = text;
  t.test('the dashboard asks for what there is', async (t) => {
    const dashboard = readFileSync(new URL('../../docs/grafana.json', import.meta.url), 'utf8');
    const asked = new Set(dashboard.match(/\b(sam|process|nodejs)_[a-z0-9_]+/g));
    t.ok(asked.size > 15);
    // Those of several processes, which are not there in one.
    const { registry } = new Metrics();
    new FleetMetrics(registry);
    new QueueMetrics(registry, () => undefined);
    new JobMetrics(registry);
    const text = single + (await registry.metrics());
    for (const name of asked) {
      const metric = name.replace(/_(bucket|sum|count)$/, '');
      t.ok(text.includes(`# TYPE ${metric} `) || text.includes(`# TYPE ${name} `), name);
    }
    const ours = [...text.matchAll(/# TYPE (sam_\w+) /g)].map(([, name]) => name as string);
    for (const name of ours) t.ok(dashboard.includes(name), `${name} is shown`);
  });
});
