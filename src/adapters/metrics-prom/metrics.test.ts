import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '#ports/log.ts';
import { metricTable } from '#ports/metrics.ts';
import { createMetrics } from './metrics.ts';

function recordingLog(lines: unknown[]): Log {
  const log: Log = {
    debug() {},
    info() {},
    warn: (fields, message) => void lines.push({ ...fields, message }),
    error: (fields, message) => void lines.push({ ...fields, message }),
    child: () => log,
  };
  return log;
}

function made(lines: unknown[] = []) {
  return createMetrics({ version: '1.2.3', log: recordingLog(lines) });
}

/** The lines of one metric, comments left out. */
async function linesOf(metrics: ReturnType<typeof made>, name: string): Promise<string[]> {
  const { body } = await metrics.text();
  return body.split('\n').filter((line) => line.startsWith(name));
}

test('a counter adds up by its labels', async () => {
  const metrics = made();
  metrics.count('formstead_http_requests_total', { method: 'GET', route: '/health', status: '200' });
  metrics.count('formstead_http_requests_total', { method: 'GET', route: '/health', status: '200' }, 2);
  metrics.count('formstead_http_requests_total', { method: 'GET', route: '/health', status: '503' });
  assert.deepEqual(await linesOf(metrics, 'formstead_http_requests_total'), [
    'formstead_http_requests_total{method="GET",route="/health",status="200"} 3',
    'formstead_http_requests_total{method="GET",route="/health",status="503"} 1',
  ]);
});

test('the buckets of a histogram are cumulative and a value on the bound belongs below it', async () => {
  const metrics = made();
  for (const value of [0.0001, 0.001, 0.02, 99]) {
    metrics.observe('formstead_http_request_seconds', { method: 'GET', route: '/x' }, value);
  }
  const lines = await linesOf(metrics, 'formstead_http_request_seconds');
  const bucket = (le: string) =>
    lines
      .find((line) => line.includes(`le="${le}"`))
      ?.split(' ')
      .at(-1);
  assert.equal(bucket('0.001'), '2');
  assert.equal(bucket('0.01'), '2');
  assert.equal(bucket('0.025'), '3');
  assert.equal(bucket('10'), '3');
  assert.equal(bucket('+Inf'), '4');
  assert.ok(lines.includes('formstead_http_request_seconds_count{method="GET",route="/x"} 4'));
  assert.match(lines.find((line) => line.includes('_sum'))!, / 99\.0211$/);
});

test('label values cannot break out of their quotes', async () => {
  const metrics = made();
  metrics.count('formstead_responses_refused_total', { reason: 'a"b\\c\nd' });
  assert.deepEqual(await linesOf(metrics, 'formstead_responses_refused_total'), [
    String.raw`formstead_responses_refused_total{reason="a\"b\\c\nd"} 1`,
  ]);
});

test('a gauge is read at every scrape, and one that fails is left out and logged once', async () => {
  const lines: { metric?: string }[] = [];
  const metrics = made(lines);
  let depth = 1;
  metrics.gauge('formstead_queue_depth', { queue: 'default', state: 'pending' }, async () => depth);
  metrics.gauge('formstead_queue_depth', { queue: 'batched', state: 'pending' }, () =>
    Promise.reject(new Error('store away')),
  );
  metrics.gauge('formstead_disk_free_bytes', {}, () => undefined);
  assert.deepEqual(await linesOf(metrics, 'formstead_queue_depth'), [
    'formstead_queue_depth{queue="default",state="pending"} 1',
  ]);
  depth = 7;
  assert.deepEqual(await linesOf(metrics, 'formstead_queue_depth'), [
    'formstead_queue_depth{queue="default",state="pending"} 7',
  ]);
  assert.deepEqual(await linesOf(metrics, 'formstead_disk_free_bytes'), []);
  assert.deepEqual(
    lines.map((line) => line.metric),
    ['formstead_queue_depth'],
  );
});

test('a gauge registered again with the same labels is replaced, whatever their order', async () => {
  const metrics = made();
  metrics.gauge('formstead_queue_depth', { queue: 'default', state: 'running' }, () => 1);
  metrics.gauge('formstead_queue_depth', { state: 'running', queue: 'default' }, () => 2);
  assert.deepEqual(await linesOf(metrics, 'formstead_queue_depth'), [
    'formstead_queue_depth{queue="default",state="running"} 2',
  ]);
});

test('counting never throws: what cannot be counted is logged once for each metric', async () => {
  const lines: unknown[] = [];
  const metrics = made(lines);
  metrics.count('formstead_response_answers_dropped_total', {}, -1);
  metrics.count('formstead_response_answers_dropped_total', {}, Number.NaN);
  metrics.observe('formstead_webhook_attempt_seconds', {}, Number.NaN);
  assert.equal(lines.length, 2);
  assert.deepEqual(await linesOf(metrics, 'formstead_response_answers_dropped_total'), [
    'formstead_response_answers_dropped_total 0',
  ]);
});

test('every metric of the table is exposed with its help and type', async () => {
  const { body, contentType } = await made().text();
  for (const [name, { help, type }] of Object.entries(metricTable)) {
    assert.ok(body.includes(`# HELP ${name} ${help}\n`), name);
    assert.ok(body.includes(`# TYPE ${name} ${type}\n`), name);
  }
  assert.match(contentType, /^text\/plain; version=0\.0\.4/);
});

test('the build and the process are described', async () => {
  const metrics = made();
  assert.deepEqual(await linesOf(metrics, 'formstead_build_info'), [
    `formstead_build_info{version="1.2.3",node="${process.version}"} 1`,
  ]);
  assert.equal((await linesOf(metrics, 'process_cpu_seconds_total')).length, 1);
});

test('the lateness of the event loop is near nothing when idle and shows a blocked turn', async () => {
  const metrics = made();
  const late = async () => {
    const lines = await linesOf(metrics, 'formstead_event_loop_lag_seconds');
    return Number(
      lines
        .find((line) => line.includes('max'))
        ?.split(' ')
        .at(-1),
    );
  };
  await new Promise((done) => setTimeout(done, 100));
  await late();
  await new Promise((done) => setTimeout(done, 100));
  const end = performance.now() + 300;
  while (performance.now() < end);
  await new Promise((done) => setTimeout(done, 60));
  const blocked = await late();
  assert.ok(blocked > 0.2 && blocked < 2, `after a turn of 300 ms: ${blocked}`);
  metrics.close();
});

test('two registries in one process do not meet', async () => {
  const [first, second] = [made(), made()];
  first.count('formstead_logins_total', { outcome: 'failed' });
  assert.deepEqual(await linesOf(second, 'formstead_logins_total'), []);
});
