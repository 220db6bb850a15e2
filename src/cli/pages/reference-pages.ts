import { readFile, writeFile } from 'node:fs/promises';
import { type ErrorCode, errorTable } from '#domain/errors.ts';
import { queueNames } from '#domain/task.ts';
import { type TaskPolicy, taskKinds } from '#domain/task-kinds.ts';
import { type MetricSpec, metricTable } from '#ports/metrics.ts';
import { sqlPage } from './sql-page.ts';

const madeBy =
  '<!-- Made by `node src/cli/pages/reference-pages.ts --write`: change the table in the code, not this page. -->';

/**
 * The reference pages that are made of tables in the code. `node src/cli/pages/reference-pages.ts --write` writes them, without it the stale ones are named and
 * the exit code is 1.
 */
export const referencePages: readonly { path: string; text: string }[] = [
  { path: 'docs/reference/errors.md', text: errorsPage() },
  { path: 'docs/reference/metrics.md', text: metricsPage() },
  { path: 'docs/reference/sql.md', text: sqlPage(madeBy) },
  { path: 'docs/reference/tasks.md', text: tasksPage() },
];

const root = new URL('../../../', import.meta.url);

/** Paths of the pages that are not what the code says. */
export async function stalePages(): Promise<string[]> {
  const stale = await Promise.all(
    referencePages.map(async ({ path, text }) => {
      const written = await readFile(new URL(path, root), 'utf8').catch(() => undefined);
      return written === text ? [] : [path];
    }),
  );
  return stale.flat();
}

function errorsPage(): string {
  const codes = (Object.keys(errorTable) as ErrorCode[]).map((code) => ({ code, ...errorTable[code] }));
  const rows = codes.map(({ code, status, title, detail }) => `| ${status} | \`${code}\` | ${title} | ${detail} |`);
  return `# Errors

${madeBy}

Every error is a problem (RFC 9457, \`application/problem+json\`):

\`\`\`json
{
  "type": "/docs/errors#answers-invalid",
  "title": "${errorTable['answers-invalid'].title}",
  "status": 422,
  "detail": "…",
  "instance": "/api/v1/forms/frm_…/responses",
  "code": "answers-invalid",
  "request_id": "8f14e45fceea167a-2k",
  "errors": [{ "pointer": "/answers/email", "code": "format", "detail": "…" }]
}
\`\`\`

- Programs decide by \`code\`. It does not change; the words may.
- \`detail\` is always there and says how to mend it, in this very case where that is known. \`errors\` names the wrong places (RFC 6901 pointers; for a query \`/\` and the parameter), at most 50 of them.
- \`request_id\` is also the header \`X-Request-Id\` and stands in the log.
- With 429 and 503 comes \`Retry-After\` in seconds where a time is known; with 401 \`WWW-Authenticate\`; with 405 \`Allow\`.
- A server shows the same table at \`/docs/errors\`, where \`type\` points.
- What never became a request has no path, so its problem comes without \`instance\`, and the connection is closed: \`malformed-http\`, \`header-too-large\`,
  \`request-timeout\`.
- One answer is no problem: \`GET /health/ready\` says 503 with \`{ "status": "not-ready", "failing": ["storage"] }\` (or \`shutting-down\`) and \`Retry-After\`.

| status | code | meaning | what to do |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function metricsPage(): string {
  const entries = Object.entries(metricTable) as [string, MetricSpec][];
  const rows = entries.map(([name, spec]) => {
    const { type, labels, help } = spec;
    const list = labels.length === 0 ? '' : labels.map((label) => `\`${label}\``).join(' ');
    const together = spec.type === 'gauge' ? spec.across : 'sum';
    return `| \`${name}\` | ${type} | ${list} | ${together} | ${help.replaceAll('|', '\\|')} |`;
  });
  const buckets = entries.flatMap(([name, spec]) =>
    spec.type === 'histogram' ? [`| \`${name}\` | ${spec.buckets.join(', ')} |`] : [],
  );
  return `# Metrics

${madeBy}

Served as \`GET /metrics\` in the Prometheus text format, on a port of its own (\`FORMSTEAD_METRICS_PORT\`). Label values come from small closed sets: a route
pattern, a task kind, an outcome; never an id, never text from outside. A gauge that cannot be read is missing from that scrape. Beside these stand the metrics
of the Node process (\`process_…\`, \`nodejs_…\`).

Of a \`serve\` with several API processes the port shows all of them together, and the supervisor: \`together\` says how. Counters and histograms go on
counting when a process is replaced; of one that was killed, what it counted since the last scrape is lost. Of \`process_…\` and \`nodejs_…\` sizes are sums,
times are averages. A process that does not answer within 2 s is missing from that scrape's gauges.

| name | type | labels | together | meaning |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

## Buckets

Upper bounds, in the unit of the histogram.

| name | buckets |
| --- | --- |
${buckets.join('\n')}
`;
}

function tasksPage(): string {
  const policies: [string, TaskPolicy][] = Object.entries(taskKinds);
  const kinds = policies.map(
    ([kind, { queue, priority, timeLimitMs, maxAttempts, backoffMs, about }]) =>
      `| \`${kind}\` | \`${queue}\` | ${priority} | ${timeLimitMs / 1000} s | ${maxAttempts} | ${backoffMs / 1000} s | ${about} |`,
  );
  const queues = queueNames.map((queue) => {
    const own = policies.flatMap(([kind, policy]) => (policy.queue === queue ? [`\`${kind}\``] : []));
    return `| \`${queue}\` | ${own.length > 0 ? own.join(' ') : 'nothing by its kind; small exports and the test of a webhook endpoint are put there, because a person waits'} |`;
  });
  return `# Tasks

${madeBy}

A task is a row in the store, written by the same commit as its cause. The queue only carries its id.

\`\`\`
pending ──claim──▶ running ──▶ succeeded
                     ├───────▶ failed      attempts spent: a dead letter, until somebody requeues or drops it
                     ├───────▶ cancelled   asked for, and the work has stopped
                     └───────▶ retrying ──claim──▶ running …
\`\`\`

- An attempt is counted when the task is claimed, so a crash uses one up and a task that always crashes ends as a dead letter. What is no fault of the work
  (a shutdown, an open circuit breaker) gives its attempt back.
- A claim is a lease of 8 s, renewed every 2 s. Who has lost it cannot commit any more: every commit names the lease's token.
- A retry comes after about *first retry*, then twice that, and so on, give or take a fifth. Webhooks and e-mail have schedules of their own: [webhooks.md](webhooks.md), [mail.md](mail.md).
- Nothing waits for more than 30 h: what would, was put off by a clock that was ahead, and is due within a minute after it has been set right. The log says so.
- Priority 0 runs first, 9 last, within a queue. Each queue has its own workers (\`FORMSTEAD_CONCURRENCY_…\`), so a full one does not hold up another.
- \`GET /api/v1/tasks/{id}\` shows a task, \`GET /api/v1/dead-letters\` those that wait for a decision. Finished tasks are removed after
  \`FORMSTEAD_TASK_RETENTION\`; dead letters stay.

| kind | queue | priority | time limit | attempts | first retry | what it does |
| --- | --- | --- | --- | --- | --- | --- |
${kinds.join('\n')}

## Queues

| queue | kinds |
| --- | --- |
${queues.join('\n')}
`;
}

if (import.meta.main) {
  if (process.argv.includes('--write')) {
    for (const { path, text } of referencePages) await writeFile(new URL(path, root), text);
  }
  const stale = await stalePages();
  if (stale.length > 0) {
    console.error(`stale: ${stale.join(', ')}. Run: node src/cli/pages/reference-pages.ts --write`);
    process.exitCode = 1;
  }
}
