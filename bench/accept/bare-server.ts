/**
 * The ceiling: node:http, JSON.parse, and the rows of a response written to the schema and indexes that Formstead uses. No validation, no receipt,
 * no idempotency, no limits. `--commit thread` hands the rows to Formstead's own storage thread (the same group commit, its receipt chain included),
 * `--commit group` writes in this thread and shares one transaction among the requests of one event-loop turn, `--commit each` makes one of each.
 * Prints its port.
 */
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/adapters/clock-system/clock.ts';
import { createIds } from '../../src/adapters/ids-uuid/ids.ts';
import { openReader, openWriter, statements } from '../../src/adapters/storage-sqlite/connection.ts';
import { migrate } from '../../src/adapters/storage-sqlite/migrations.ts';
import { startWriter } from '../../src/adapters/storage-sqlite/threads.ts';

const { values } = parseArgs({ options: { dir: { type: 'string' }, commit: { type: 'string' } } });
const file = `${values.dir}/bare-${values.commit}.sqlite`;
const writer =
  values.commit === 'thread'
    ? await startWriter({
        file,
        synchronous: 'full',
        onBatch: () => {},
        onFatal: (err) => {
          throw err;
        },
      })
    : undefined;
const db = writer ? openReader(file) : openWriter(file, 'full');
if (!writer) migrate(db);
const sql = statements(db);
const ids = createIds({ clock: systemClock });
const grouped = values.commit === 'group';

const insertResponse = `INSERT INTO responses (id, revision, at, key, form_id, day, label, status, answers, doc, chain, seq, sha256, previous)
  VALUES (?, 1, ?, NULL, 'frm_bench', '2026-01-01', NULL, 'accepted', ?, ?, 'chn_bench', ?, ?, ?)`;
const insertTask = `INSERT INTO tasks (id, kind, queue, priority, status, payload, payload_version, root, run_at, attempts, max_attempts, time_limit_ms,
  cancel_requested, progress, created_at) VALUES (?, 'understand-response', 'batched', 4, 'pending', ?, 1, ?, ?, 0, 4, 300000, 0, 0, ?)`;
// As long as the real ones, so that the pages fill at the same rate.
const hash = 'a'.repeat(64);
const rest = JSON.stringify({
  formId: 'frm_bench',
  formVersion: 1,
  steps: ['understand'],
  hiddenDropped: 0,
  applied: [],
  salt: 'b'.repeat(32),
});
let seq = 0;

function write(body: { answers: unknown }): string {
  const id = ids.next('rsp');
  const root = `tsk_${id.slice(4)}`;
  const now = Date.now();
  seq += 1;
  const doc = `{"id":"${id}","bodySha256":"${hash}","payloadSha256":"${hash}",${rest.slice(1)}`;
  sql.run(insertResponse, id, now, JSON.stringify(body.answers), doc, seq, hash, hash);
  sql.run(insertTask, `${root}:understand`, `{"response_id":"${id}"}`, root, now, now);
  return id;
}

let waiting: { body: { answers: unknown }; answer: (id: string) => void }[] = [];

async function writeInThread(body: { answers: unknown }): Promise<string> {
  const id = ids.next('rsp');
  const root = `tsk_${id.slice(4)}`;
  const now = Date.now();
  const doc = `{"id":"${id}","bodySha256":"${hash}","payloadSha256":"${hash}",${rest.slice(1)}`;
  // In the order of `columnNames('response')` and `taskColumns`.
  const row = [id, 1, now, null, 'frm_bench', '2026-01-01', null, 'accepted', JSON.stringify(body.answers), doc];
  const payload = `{"response_id":"${id}"}`;
  const task = [
    `${root}:understand`,
    'understand-response',
    'batched',
    4,
    'pending',
    payload,
    1,
    root,
    now,
    0,
    4,
    300_000,
    0,
    0,
    now,
  ];
  const change = { op: 'insert', kind: 'response', row, payloadSha256: hash } as const;
  await writer!.write({ op: 'commit', change, also: [], tasks: [task], audit: [] });
  return id;
}

function flush(): void {
  const batch = waiting;
  waiting = [];
  db.exec('BEGIN IMMEDIATE');
  const written = batch.map(({ body }) => write(body));
  db.exec('COMMIT');
  batch.forEach(({ answer }, i) => {
    answer(written[i]!);
  });
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const answer = (id: string) => {
      response.writeHead(202, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ response_id: id, status: 'accepted' }));
    };
    if (writer) {
      void writeInThread(body).then(answer);
      return;
    }
    waiting.push({ body, answer });
    if (!grouped) flush();
    else if (waiting.length === 1) setImmediate(flush);
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as { port: number }).port }));
});
