import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { type ApiClient, login } from './demo/api-client.ts';
import { type ExampleForm, readExamples } from './demo/examples.ts';
import { startReceiver } from './demo/receiver-process.ts';
import { printResponse, printTable, type Row, type Understood } from './demo/report.ts';
import { type Job, type Sent, sendAll } from './demo/senders.ts';
import { startServer } from './demo/server-process.ts';
import { progressBar } from './progress.ts';

type Live = ExampleForm & { id: string; textQuestion: string };

const clients = 8;
const deadlineMs = 120_000;

/** Everything at work on a data directory that is thrown away: keep, understand, deliver, survive a SIGKILL, count. Exit code 1 when anything was lost. */
export async function demo(options: { keep?: boolean }): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-demo-'));
  const password = randomBytes(12).toString('base64url');
  const env = {
    FORMSTEAD_DATA_DIR: dir,
    FORMSTEAD_PORT: '0',
    FORMSTEAD_ADMIN_EMAIL: 'admin@example.org',
    FORMSTEAD_ADMIN_PASSWORD: password,
    // All clients of the demo share one address, and its receiver listens on this machine.
    FORMSTEAD_RATE_LIMIT: 'off',
    FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8',
  };
  const rows: Row[] = [];
  const startedAt = performance.now();
  const timed = async <T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> => {
    const from = performance.now();
    const value = await work();
    return { value, seconds: (performance.now() - from) / 1000 };
  };

  console.log('Starting a server on a fresh data directory …');
  const start = await timed(() => startServer(env));
  let server = start.value;
  rows.push({ what: 'started', result: server.url, seconds: start.seconds });
  // Its next life must be found at the same address.
  const samePort = { ...env, FORMSTEAD_PORT: new URL(server.url).port };
  const receiver = await startReceiver();
  try {
    const api = await login(server.url, env.FORMSTEAD_ADMIN_EMAIL, password);
    const publishing = await timed(() => publishForms(api, receiver));
    const forms = publishing.value;
    const learnt = forms.reduce((sum, form) => sum + form.training.length, 0);
    rows.push({ what: 'taught', result: `${forms.length} forms, ${learnt} examples`, seconds: publishing.seconds });

    const jobs = forms.flatMap(jobsOf);
    const sent = new Map<string, Sent>();
    const bar = progressBar('responses sent');
    bar.total(jobs.length);
    let killed: Promise<number> | undefined;
    const sending = await timed(async () => {
      await sendAll({
        url: () => server.url,
        jobs,
        clients,
        onAccepted(one) {
          sent.set(one.job.key, one);
          bar.update(sent.size);
          if (sent.size >= jobs.length / 2) {
            killed ??= timed(async () => {
              await server.kill();
              server = await startServer(samePort);
            }).then(({ seconds }) => seconds);
          }
        },
      });
    });
    const downSeconds = await killed;
    bar.stop();
    rows.push({ what: 'sent', result: `${sent.size} responses from ${clients} clients`, seconds: sending.seconds });
    rows.push({ what: 'killed', result: 'SIGKILL in the middle, started again', seconds: downSeconds });

    const again = await login(server.url, env.FORMSTEAD_ADMIN_EMAIL, password);
    const understanding = await timed(() => waitUntilUnderstood(again, forms));
    const kept = await readBack(again, forms);
    const lost = [...sent.values()].filter(({ responseId }) => !kept.has(responseId));
    rows.push({ what: 'kept', result: `${kept.size} responses` });
    rows.push({ what: 'understood', result: understandingLine(kept), seconds: understanding.seconds });
    for (const form of forms) rows.push({ what: `  ${form.name}`, result: accuracyLine(form, sent, kept) });

    const delivering = await timed(() => waitForWebhooks(receiver, sent.size));
    const repeats = [...receiver.seen.values()].filter(({ times }) => times > 1).length;
    rows.push({
      what: 'delivered',
      result: `${receiver.seen.size} webhooks, ${receiver.bad} bad signatures, ${repeats} repeated under the same id`,
      seconds: delivering.seconds,
    });

    const exporting = await timed(() => exportAll(again, forms));
    rows.push({ what: 'exported', result: exporting.value.line, seconds: exporting.seconds });
    const asking = await timed(() =>
      again.get<{ by_label: { label: string | null; count: number }[] }>(`/forms/${forms[0]!.id}/analytics`),
    );
    rows.push({
      what: 'queried',
      result: asking.value.by_label.map(({ label, count }) => `${label ?? 'none'} ${count}`).join(', '),
      seconds: asking.seconds,
    });
    const verdict = await verify(env.FORMSTEAD_DATA_DIR);
    rows.push({ what: 'verified', result: verdict.line });
    const undelivered = sent.size - deliveredResponses(receiver, sent);
    rows.push({
      what: 'lost',
      result: `${lost.length} responses, ${undelivered} webhooks, ${sent.size - exporting.value.rows} exported rows`,
    });
    rows.push({ what: 'in all', result: '', seconds: (performance.now() - startedAt) / 1000 });
    printTable(rows);
    for (const form of forms) showOne(form, sent, kept);

    const whole =
      lost.length === 0 && undelivered === 0 && receiver.bad === 0 && exporting.value.rows === sent.size && verdict.ok;
    if (!whole) process.exitCode = 1;
    if (options.keep) {
      console.log(`The server goes on at ${server.url} (docs at ${server.url}/docs).`);
      console.log(`  sign in with ${env.FORMSTEAD_ADMIN_EMAIL} / ${password}; data in ${dir}`);
      console.log('  Ctrl-C ends it and removes the data.');
      await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()));
    }
  } finally {
    receiver.stop();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function publishForms(api: ApiClient, receiver: Awaited<ReturnType<typeof startReceiver>>): Promise<Live[]> {
  const live: Live[] = [];
  for (const example of readExamples()) {
    const { id } = await api.post<{ id: string }>('/forms', example.form);
    await api.post(`/forms/${id}/publish`, {});
    const { task_id } = await api.post<{ task_id: string }>(`/forms/${id}/examples`, example.training);
    await waitForTask(api, task_id);
    const [textQuestion] = (example.form.intelligence as { text: string[] }).text;
    live.push({ ...example, id, textQuestion: textQuestion! });
  }
  const { secret } = await api.post<{ secret: string }>('/webhook-endpoints', {
    url: receiver.url,
    events: ['response.understood'],
  });
  receiver.trust(secret);
  return live;
}

function jobsOf(form: Live): Job[] {
  return form.responses.map(({ answers }, i) => ({
    path: `/api/v1/forms/${form.id}/responses`,
    body: JSON.stringify({ answers }),
    key: `${form.name}-${i}`,
  }));
}

async function waitForTask(api: ApiClient, id: string): Promise<void> {
  await until(async () => {
    const task = await api.get<{ status: string; error?: { detail: string } }>(`/tasks/${id}`);
    if (task.status === 'failed') throw new Error(`task ${id} failed: ${task.error?.detail}`);
    return task.status === 'succeeded';
  }, `task ${id}`);
}

async function waitUntilUnderstood(api: ApiClient, forms: Live[]): Promise<void> {
  const bar = progressBar('understood');
  const total = forms.reduce((sum, form) => sum + form.responses.length, 0);
  bar.total(total);
  await until(async () => {
    const { items } = await api.get<{ items: { queue: string; depth: number; running: number }[] }>('/queues');
    const open = items
      .filter(({ queue }) => queue === 'batched')
      .reduce((sum, { depth, running }) => sum + depth + running, 0);
    bar.update(total - open);
    return open === 0;
  }, 'the responses to be understood');
  bar.stop();
}

async function waitForWebhooks(receiver: { seen: Map<string, unknown> }, wanted: number): Promise<void> {
  await until(async () => receiver.seen.size >= wanted, `${wanted} webhooks`);
}

async function until(done: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`waited ${deadlineMs / 1000} s in vain for ${what}`);
    await pause(100);
  }
}

async function readBack(api: ApiClient, forms: Live[]): Promise<Map<string, Understood>> {
  const responses = new Map<string, Understood>();
  for (const { id } of forms) {
    let cursor = '';
    do {
      const page: { items: Understood[]; next_cursor: string | null } = await api.get(
        `/forms/${id}/responses?limit=500${cursor && `&cursor=${cursor}`}`,
      );
      for (const item of page.items) responses.set(item.id, item);
      cursor = page.next_cursor ?? '';
    } while (cursor);
  }
  return responses;
}

/** How many were answered by which tier. */
function understandingLine(responses: Map<string, Understood>): string {
  const all = [...responses.values()];
  const count = (keep: (response: Understood) => boolean) => all.filter(keep).length;
  const head = count(({ intelligence }) => intelligence?.classify !== undefined && !intelligence.classify.needs_review);
  const review = count(({ intelligence }) => intelligence?.classify?.needs_review === true);
  const fields = all.reduce(
    (sum, { intelligence }) => sum + Object.keys(intelligence?.extract?.fields ?? {}).length,
    0,
  );
  return `${head} labels by the head, ${review} left for review, ${fields} fields by rules`;
}

/** Accuracy against the examples' own labels, over what the head answered and over everything. */
function accuracyLine(form: Live, sent: Map<string, Sent>, responses: Map<string, Understood>): string {
  let right = 0;
  let answered = 0;
  let rightAnswered = 0;
  let fields = 0;
  let fieldsRight = 0;
  form.responses.forEach(({ expect }, i) => {
    const found = responses.get(sent.get(`${form.name}-${i}`)?.responseId ?? '')?.intelligence;
    const ok = found?.classify !== undefined && found.classify.label === (expect.label ?? null);
    right += ok ? 1 : 0;
    if (found?.classify && !found.classify.needs_review) {
      answered += 1;
      rightAnswered += ok ? 1 : 0;
    }
    for (const [name, value] of Object.entries(expect.fields ?? {})) {
      fields += 1;
      fieldsRight += found?.extract?.fields[name]?.value === value ? 1 : 0;
    }
  });
  const percent = (part: number, whole: number) => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
  return `labels right ${percent(right, form.responses.length)}, of the ${answered} answered ${percent(rightAnswered, answered)}; fields ${fieldsRight} of ${fields}`;
}

function deliveredResponses(receiver: Awaited<ReturnType<typeof startReceiver>>, sent: Map<string, Sent>): number {
  const delivered = new Set([...receiver.seen.values()].map(({ responseId }) => responseId));
  return [...sent.values()].filter(({ responseId }) => delivered.has(responseId)).length;
}

type ExportInfo = { id: string; form_id: string; format: string; rows: number; bytes: number };

async function exportAll(api: ApiClient, forms: Live[]): Promise<{ line: string; rows: number }> {
  const done: ExportInfo[] = [];
  for (const format of ['jsonl', 'parquet', 'csv']) {
    const asked = await Promise.all(
      forms.map(({ id }) => api.post<{ export_id: string; task_id: string }>('/exports', { form_id: id, format })),
    );
    for (const { export_id, task_id } of asked) {
      await waitForTask(api, task_id);
      done.push(await api.get<ExportInfo>(`/exports/${export_id}`));
    }
  }
  const sizes = ['jsonl', 'parquet', 'csv'].map((format) => {
    const files = done.filter((one) => one.format === format);
    return `${format} ${Math.round(files.reduce((sum, { bytes }) => sum + bytes, 0) / 1024)} kB`;
  });
  // The lines of the downloaded files are counted, not what the server says of them.
  let rows = 0;
  for (const { id } of done.filter(({ format }) => format === 'jsonl')) {
    const text = gunzipSync(await api.download(`/exports/${id}/download`)).toString('utf8');
    rows += text.split('\n').filter((line) => line !== '').length;
  }
  return { line: `${rows} rows: ${sizes.join(', ')}`, rows };
}

async function verify(dataDir: string): Promise<{ ok: boolean; line: string }> {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const env = { PATH: process.env.PATH, FORMSTEAD_DATA_DIR: dataDir };
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'verify', '--json'], { env }).catch(
    (err: { stdout: string }) => err,
  );
  const verdict = JSON.parse(stdout) as { responses: number; chains: number; problems: string[] };
  const ok = verdict.problems.length === 0;
  return {
    ok,
    line: ok ? `${verdict.responses} receipts in ${verdict.chains} chains add up` : verdict.problems.join('; '),
  };
}

/** One response of the form in which much was found. */
function showOne(form: Live, sent: Map<string, Sent>, responses: Map<string, Understood>): void {
  const all = form.responses.flatMap(
    (_response, i) => responses.get(sent.get(`${form.name}-${i}`)?.responseId ?? '') ?? [],
  );
  const richness = ({ intelligence, answers }: Understood) =>
    Object.keys(intelligence?.extract?.fields ?? {}).length * 10 +
    (intelligence?.classify?.label && !intelligence.classify.needs_review ? 5 : 0) -
    String(answers[form.textQuestion] ?? '').length / 100;
  const best = all.toSorted((a, b) => richness(b) - richness(a))[0];
  if (best) printResponse(form.form.title, String(best.answers[form.textQuestion] ?? ''), best);
}
