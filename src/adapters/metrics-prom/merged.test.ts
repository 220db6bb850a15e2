import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '#ports/log.ts';
import { type MetricName, metricTable } from '#ports/metrics.ts';
import { type MetricsSnapshot, mergedText, outlasting } from './merged.ts';
import { createMetrics } from './metrics.ts';

const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

/** What a process says after it has counted so much, as it arrives in another one. */
async function processWith(counted: {
  requests: number;
  seconds?: number[];
  streams?: number;
  free?: number;
}): Promise<MetricsSnapshot> {
  const metrics = createMetrics({ version: '1.2.3', log });
  const labels = { method: 'GET', route: '/x' };
  metrics.count('formstead_http_requests_total', { ...labels, status: '200' }, counted.requests);
  for (const value of counted.seconds ?? []) metrics.observe('formstead_http_request_seconds', labels, value);
  metrics.gauge('formstead_http_event_streams', {}, () => counted.streams);
  metrics.gauge('formstead_disk_free_bytes', {}, () => counted.free);
  const snapshot = await metrics.snapshot();
  metrics.close();
  return JSON.parse(JSON.stringify(snapshot));
}

async function linesOf(snapshots: MetricsSnapshot[], name: string): Promise<string[]> {
  const { body } = await mergedText(snapshots);
  return body.split('\n').filter((line) => line.startsWith(name));
}

test('counters and histograms of several processes are added up', async () => {
  const all = [
    await processWith({ requests: 3, seconds: [0.02] }),
    await processWith({ requests: 4, seconds: [9, 99] }),
  ];
  assert.deepEqual(await linesOf(all, 'formstead_http_requests_total'), [
    'formstead_http_requests_total{method="GET",route="/x",status="200"} 7',
  ]);
  const lines = await linesOf(all, 'formstead_http_request_seconds');
  assert.ok(lines.includes('formstead_http_request_seconds_count{method="GET",route="/x"} 3'), lines.join('\n'));
  assert.ok(lines.includes('formstead_http_request_seconds_bucket{le="10",method="GET",route="/x"} 2'));
});

test('a gauge is the sum, the highest or the lowest, as its specification says', async () => {
  const all = [
    await processWith({ requests: 0, streams: 2, free: 100 }),
    await processWith({ requests: 0, streams: 3, free: 90 }),
  ];
  assert.deepEqual(await linesOf(all, 'formstead_http_event_streams'), ['formstead_http_event_streams 5']);
  assert.deepEqual(await linesOf(all, 'formstead_disk_free_bytes'), ['formstead_disk_free_bytes 90']);
  assert.equal((await linesOf(all, 'formstead_build_info'))[0]?.split(' ').at(-1), '1');
});

test('several processes show every metric that one shows, with its help and type', async () => {
  const { body, contentType } = await mergedText([
    await processWith({ requests: 1 }),
    await processWith({ requests: 1 }),
  ]);
  for (const name of Object.keys(metricTable) as MetricName[]) {
    assert.ok(
      body.includes(`# HELP ${name} ${metricTable[name].help}\n# TYPE ${name} ${metricTable[name].type}\n`),
      name,
    );
  }
  assert.match(contentType, /^text\/plain; version=0\.0\.4/);
});

test('what was counted can be had without reading a gauge', async () => {
  const metrics = createMetrics({ version: '1.2.3', log });
  metrics.count('formstead_logins_total', { outcome: 'failed' });
  metrics.gauge('formstead_disk_free_bytes', {}, () => assert.fail('the disk was asked'));
  const counted = await metrics.counted();
  metrics.close();
  assert.equal(counted.find(({ name }) => name === 'formstead_logins_total')?.values[0]?.value, 1);
  assert.ok(counted.some(({ name }) => name === 'process_cpu_seconds_total'));
});

test('what a process has counted outlasts it, and what it measured does not', async () => {
  const gone = [
    await processWith({ requests: 3, seconds: [1], streams: 7 }),
    await processWith({ requests: 4, seconds: [2], streams: 7 }),
  ];
  const kept = gone.reduce(outlasting, []);
  const all = [kept, await processWith({ requests: 1, streams: 1 })];
  assert.match((await linesOf(all, 'formstead_http_requests_total'))[0]!, / 8$/);
  assert.ok((await linesOf(all, 'formstead_http_request_seconds_sum'))[0]!.endsWith(' 3'));
  assert.deepEqual(await linesOf(all, 'formstead_http_event_streams'), ['formstead_http_event_streams 1']);
});
