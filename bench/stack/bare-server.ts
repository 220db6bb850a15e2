/**
 * The ceiling of the API: node:http, JSON.parse, and the bytes that Formstead keeps of a response (its record and its task, each in a collection with the same
 * indexes) written to the same database by the same driver with the same write concern, in as many processes. No validation, no receipt, no idempotency, no
 * limits, no outbox; record and task are written at the same time. `POST /bare/each` inserts each response on its own, `POST /bare/group` shares a write
 * among all that came in while the one before was under way, as Formstead does.
 */
import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { availableParallelism } from 'node:os';
import { systemClock } from '#adapters/clock-system/clock.ts';
import { createIds } from '#adapters/ids-uuid/ids.ts';
import type { ResponseRecord, TaskRecord } from '#adapters/storage-mongo/collections.ts';
import { migrate } from '#adapters/storage-mongo/migrations.ts';
import { newTaskRecord } from '#adapters/storage-mongo/task-records.ts';
import { understand } from '#domain/consequences.ts';
import { collectionLike, openDatabase } from './database.ts';

type Kept = { response: ResponseRecord; task: TaskRecord };

const ids = createIds({ clock: systemClock });
// As long as the real ones, so that pages and journal fill at the same rate.
const hash = 'a'.repeat(64);
const chain = `chn_${randomUUID()}`;
const formId = ids.next('frm');
const day = '2026-01-01';
let seq = 0;

function keptOf(body: { answers: Record<string, string | number | boolean> }): Kept {
  const id = ids.next('rsp');
  const now = Date.now();
  seq += 1;
  const { phone, message, ...short } = body.answers;
  const doc = `{"id":"${id}","formId":"${formId}","formVersion":1,"day":"${day}","salt":"${'b'.repeat(32)}","hiddenDropped":0,"steps":["understand"],"status":"accepted","submittedAt":${now},"payloadSha256":"${hash}","applied":[]}`;
  const response = {
    ...{ _id: id, revision: 1, at: now, key: `id:${id}`, commit: randomUUID(), waiting: 0, outbox: {} },
    ...{ formId, day, label: null, status: 'accepted', answers: JSON.stringify(body.answers), doc },
    counted: Object.entries({ ...short, phone }).map(([name, value]) => ({ name, value: value! })),
    link: `${chain}:${String(seq).padStart(12, '0')}`,
    receipt: { chain, seq, sha256: hash, previous: hash },
  };
  return { response: response as ResponseRecord, task: newTaskRecord(understand(id, now).tasks[0]!) };
}

async function serve(): Promise<void> {
  const { db } = await openDatabase();
  await migrate(db);
  // As a server that has run for a while: a new connection costs the stand-in a handshake, and under full load more than the driver waits for.
  for (let open = 5; open <= 50; open += 5)
    await Promise.all(Array.from({ length: open }, () => db.command({ ping: 1 })));
  const responses = await collectionLike<ResponseRecord>(db, 'responses');
  const tasks = await collectionLike<TaskRecord>(db, 'tasks');

  const each = async ({ response, task }: Kept) => {
    await Promise.all([responses.insertOne(response), tasks.insertOne(task)]);
  };
  const waiting: { kept: Kept; done: PromiseWithResolvers<void> }[] = [];
  let running = false;
  const flush = async () => {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, 200);
      try {
        await Promise.all([
          responses.insertMany(batch.map(({ kept }) => kept.response)),
          tasks.insertMany(batch.map(({ kept }) => kept.task)),
        ]);
        for (const { done } of batch) done.resolve();
      } catch (err) {
        for (const { done } of batch) done.reject(err);
      }
    }
    running = false;
  };
  const group = (kept: Kept) => {
    const done = Promise.withResolvers<void>();
    waiting.push({ kept, done });
    if (!running) {
      running = true;
      setImmediate(() => void flush());
    }
    return done.promise;
  };

  createServer(async (request, response) => {
    try {
      if (request.method === 'POST') {
        const kept = keptOf(JSON.parse(await textOf(request)));
        await (request.url === '/bare/each' ? each(kept) : group(kept));
        response.writeHead(202, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ response_id: kept.response._id, status: 'accepted' }));
      } else response.end('ok\n');
    } catch (err) {
      console.error(err);
      response.writeHead(500).end();
    }
  }).listen(8080, '0.0.0.0');
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

if (cluster.isPrimary)
  for (let n = 0; n < Number(process.env.PROCESSES ?? availableParallelism()); n += 1) cluster.fork();
else await serve();
