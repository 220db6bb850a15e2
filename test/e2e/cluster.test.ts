import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { apiCluster, loadOn, runs } from '../support/api-cluster.ts';
import { directory, formstead, publish, send } from '../support/command-line.ts';
import { admin, eventually, request, tokenOf, verdictOn } from '../support/program.ts';
import { stackFor } from '../support/stack-settings.ts';

const limit = { timeout: 60_000 };

test(
  'several processes share a port and a store; their metrics and their health are shown together, and SIGTERM ends all with 0',
  limit,
  async (t) => {
    const api = await apiCluster(t);
    if (api === undefined) return;
    const form = await publish(api.url);
    const all = await Promise.all(Array.from({ length: 40 }, (_, i) => send(api.url, form, `m${i}`)));
    assert.deepEqual([...new Set(all.map(({ status }) => status))], [202]);
    assert.equal(await api.metric('formstead_responses_accepted_total{replayed="no"}'), 40);
    assert.equal(await api.metric('formstead_api_processes'), 2);
    assert.equal(await api.metric('formstead_receipts_sequence'), 40, 'every process has a chain of its own');
    assert.deepEqual(await api.shown('/health'), { status: 200, text: '{"status":"ok"}\n' });
    assert.deepEqual(await api.shown('/health/ready'), { status: 200, text: '{"status":"ready"}\n' });
    const token = await tokenOf(api.url, admin);
    const users = (await request(api.url, 'GET', '/users', { token })).body.items;
    assert.equal(users.length, 1, 'one first administrator');
    const pids = api.pids();
    api.signal('SIGTERM');
    assert.equal((await api.gone).code, 0);
    assert.deepEqual(pids.filter(runs), []);
    const verdict = await verdictOn(api.env);
    assert.deepEqual([verdict.problems, verdict.responses], [[], 40]);
  },
);

test(
  'SIGHUP under load: every process is another one afterwards, no request has failed, and no sum has fallen',
  limit,
  async (t) => {
    const api = await apiCluster(t);
    if (api === undefined) return;
    const form = await publish(api.url);
    const before = api.pids();
    const load = loadOn(t, api.url, form);
    await eventually(async () => load.accepted > 50);
    const counted = (await api.metric('formstead_responses_accepted_total{replayed="no"}'))!;
    api.signal('SIGHUP');
    await eventually(async () => api.printed().stdout.includes('"reloaded"'), 45_000);
    const whenReloaded = load.accepted;
    await eventually(async () => load.accepted > whenReloaded + 50);
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.equal(new Set(api.pids()).size, 4);
    assert.deepEqual(before.filter(runs), []);
    assert.equal(await api.metric('formstead_api_replacements_total{reason="reload"}'), 2);
    assert.ok(counted > 0);
    // Those that are gone have told what they had counted to the last.
    assert.equal(await api.metric('formstead_responses_accepted_total{replayed="no"}'), load.accepted);
    assert.equal((await verdictOn(api.env)).responses, load.accepted);
  },
);

test('a process that is killed is replaced at once, and the others serve meanwhile', limit, async (t) => {
  const api = await apiCluster(t);
  if (api === undefined) return;
  const [killed] = api.pids();
  process.kill(killed!, 'SIGKILL');
  await eventually(async () => !runs(killed!));
  assert.equal((await request(api.url, 'GET', '/health')).status, 200);
  await eventually(async () => api.pids().length === 3, 40_000);
  await eventually(async () => (await api.metric('formstead_api_processes')) === 2);
  assert.equal(await api.metric('formstead_api_replacements_total{reason="died"}'), 1);
});

test('a process that hangs is killed and replaced; health and metrics do not wait for it', limit, async (t) => {
  const api = await apiCluster(t);
  if (api === undefined) return;
  const [hangs] = api.pids();
  t.after(() => runs(hangs!) && process.kill(hangs!, 'SIGKILL'));
  process.kill(hangs!, 'SIGSTOP');
  assert.equal((await api.shown('/health/ready')).status, 200);
  assert.equal(await api.metric('formstead_api_processes'), 2);
  await eventually(async () => !runs(hangs!), 30_000);
  await eventually(async () => api.pids().length === 3, 40_000);
  assert.equal(await api.metric('formstead_api_replacements_total{reason="hung"}'), 1);
});

test('a process above its memory mark is replaced without a failed request', limit, async (t) => {
  // Every process is above this mark from the start.
  const api = await apiCluster(t, { FORMSTEAD_API_MEMORY: '64MB' });
  if (api === undefined) return;
  const form = await publish(api.url);
  const load = loadOn(t, api.url, form);
  await eventually(
    async () => ((await api.metric('formstead_api_replacements_total{reason="memory"}')) ?? 0) >= 1,
    45_000,
  );
  await eventually(async () =>
    api
      .pids()
      .slice(0, 2)
      .some((pid) => !runs(pid)),
  );
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.match(api.printed().stdout, /"msg":"API process above its memory mark"/);
});

test('processes do not outlive a supervisor that is killed', limit, async (t) => {
  const api = await apiCluster(t);
  if (api === undefined) return;
  api.signal('SIGKILL');
  await api.gone;
  await eventually(async () => api.pids().every((pid) => !runs(pid)));
});

test('a port that is taken is said once, in a sentence, and not tried again', limit, async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const port = String((taken.address() as { port: number }).port);
  for (const name of ['FORMSTEAD_PORT', 'FORMSTEAD_METRICS_PORT']) {
    const env = stackFor(t, { FORMSTEAD_WORKERS: '2', [name]: port });
    if (env === undefined) return;
    const { code, stderr } = await formstead(['serve'], env);
    assert.equal(code, 78);
    assert.equal(
      stderr,
      `Formstead cannot start: 127.0.0.1:${port} is taken. Stop the other program, or set ${name}.\n`,
    );
  }
});

test('processes that die again and again are given up with 1 and a sentence', limit, async (t) => {
  const env = stackFor(t, { FORMSTEAD_WORKERS: '2' });
  if (env === undefined) return;
  const dying = join(directory(t), 'dying.mjs');
  writeFileSync(dying, "import cluster from 'node:cluster';\nif (cluster.isWorker) process.exit(3);\n");
  const { code, stderr } = await formstead(['serve'], { ...env, NODE_OPTIONS: `--import ${dying}` });
  assert.equal(code, 1);
  assert.match(stderr, /^Formstead gives up: an API process has ended 5 times in a row, each time within 10 s\. .+\n$/);
});
