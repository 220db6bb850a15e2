import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { AuditEntry } from '#domain/audit.ts';
import { sealOf } from '#domain/audit.ts';
import { genesis } from '#domain/receipt.ts';
import type { Documents, Kind, Storage } from '#ports/storage.ts';
import { parts, type TransferTarget } from '#ports/store-transfer.ts';
import { openMongoTransfer } from '../../src/adapters/storage-mongo/transfer.ts';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { openSqliteTransfer } from '../../src/adapters/storage-sqlite/transfer.ts';
import { aHead, anEntry, aResponse, aTask, newId, t0 } from '../contract/storage/documents.ts';
import {
  found,
  insert,
  insertion,
  insertTasks,
  keep,
  listed,
  sequenceOf,
  taskOf,
  times,
  updating,
} from '../contract/storage/kit.ts';
import { bare, rich } from '../contract/storage/round-trips.ts';
import { mongoPlace, open } from '../support/mongo-place.ts';
import { mongoUrl, noMongo, skipWithout } from '../support/services.ts';

type Pair = { before: Storage; after: Storage };
type World = {
  /** What the source held, read beside the transfer, and what the target holds after it. */
  moved(fill: (storage: Storage) => Promise<void>): Promise<Pair>;
};

/** A SQLite store whose content is written into a fresh MongoDB database, twice. Undefined, and the test skipped, without a server. */
function world(t: TestContext): World | undefined {
  const url = mongoUrl();
  if (url === undefined) {
    skipWithout(t, noMongo);
    return undefined;
  }
  const dir = mkdtempSync(join(tmpdir(), 'formstead-transfer-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const { options } = mongoPlace(url);
  return {
    async moved(fill) {
      const storage = await openSqliteStorage({ dir, synchronous: 'normal' });
      await fill(storage);
      await storage.close();
      const source = openSqliteTransfer(dir);
      const target = await openMongoTransfer(options);
      const installation = await source.installation();
      await target.begin(installation, t0);
      for (const _ of ['once', 'twice']) await copy(source, target);
      for (const part of parts) assert.equal(await target.count(part), await source.count(part), part);
      await target.finish(t0 + 1);
      assert.deepEqual((await target.begin(installation, t0 + 2)).finishedAt, t0 + 1);
      await Promise.all([source.close(), target.close()]);
      const before = await openSqliteStorage({ dir, readOnly: true });
      const after = await open(options);
      t.after(() => Promise.all([before.close(), after.close()]));
      return { before, after };
    },
  };
}

async function copy(source: ReturnType<typeof openSqliteTransfer>, target: TransferTarget): Promise<void> {
  for (const part of parts) {
    let reached = 0;
    for await (const records of source.read(part)) {
      reached += records.length;
      await target.write(part, records, reached);
    }
  }
}

test('every kind of document comes over with its revision, its key and its place in the list', async (t) => {
  const stores = world(t);
  if (stores === undefined) return;
  const kinds = Object.keys(rich) as Kind[];
  const updated = aHead();
  const responses = times(450, (n) => aResponse({ now: t0 + n, idempotency: n % 2 === 0 ? `k${n}` : undefined }));
  const { before, after } = await stores.moved(async (storage) => {
    for (const kind of kinds) for (const doc of [rich[kind], bare[kind]]) await keep(storage, insertion(kind, doc));
    await insert(storage, 'head', updated);
    await keep(storage, updating('head', { ...updated, trainedAt: t0 + 99, examples: 121 }, 1));
    await insert(storage, 'response', ...responses);
    assert.equal(await storage.responses.forgetKeys(t0 + 3, 10), 3, 'the rich one, and two of the many');
  });
  for (const kind of kinds.filter((one) => one !== 'dataset')) await sameList(kind, before, after);
  assert.deepEqual(await listed(after, 'dataset', {}), [], 'the numbers in it are those of the store before');
  const to = await after.changes.newest();
  const formId = responses[0]!.formId;
  const { items } = await after.changes.list({ formId, after: 0, to, limit: 1000 });
  const changed = items.map((item) => 'response' in item && item.response.id);
  for (const { id } of responses.filter((one) => one.formId === formId)) assert.ok(changed.includes(id), id);
  assert.equal((await found(after, 'head', updated.id)).revision, 2);
  const heads = await listed(after, 'head', { from: t0 + 1 });
  assert.deepEqual(heads, [], 'a head is as old as its first training, in both');
  for (const [n, response] of responses.slice(0, 10).entries()) {
    const holder = await after.getByKey('response', `k${n}`);
    assert.equal(holder?.doc.id, n % 2 === 0 && n >= 3 ? response.id : undefined, `k${n}`);
  }
  assert.equal(await after.responses.forgetKeys(t0 + 5, 100), 1, 'keys go on being forgotten');
  assert.ok((await sequenceOf(after)) >= 450);
  assert.deepEqual(await after.receipts.chains(), await before.receipts.chains());
  const next = await keep(after, insertion('response', aResponse()));
  assert.deepEqual([next.receipt!.seq, next.receipt!.previous.length], [1, 64]);
  const [old, fresh] = await after.receipts.chains();
  assert.deepEqual([fresh!.previous!.chain, fresh!.previous!.seq], [old!.id, 452]);
});

async function sameList<K extends Kind>(kind: K, before: Storage, after: Storage): Promise<void> {
  // Of the same instant, one store has them in the order of writing, the other by id.
  const place = ({ doc }: { doc: Documents[K] }) => doc.id;
  const byId = (a: { doc: Documents[K] }, b: { doc: Documents[K] }) => (place(a) < place(b) ? -1 : 1);
  const [was, is] = await Promise.all([listed(before, kind, {}), listed(after, kind, {})]);
  assert.deepEqual(is.toSorted(byId as never), was.toSorted(byId as never), kind);
}

test('a task comes over in its state: what ran is claimable, what has spent its attempts is buried, what has ended stays', async (t) => {
  const stores = world(t);
  if (stores === undefined) return;
  const lease = { token: 'lse_1', until: Number.MAX_SAFE_INTEGER };
  const task = (over = {}) => aTask({ ...over });
  const [pending, running, spent, cancelling, retrying, dead, done] = [
    task({ runAt: t0 + 50 }),
    task(),
    task({ maxAttempts: 1 }),
    task(),
    task(),
    task({ maxAttempts: 1 }),
    task(),
  ];
  const all = [pending, running, spent, cancelling, retrying, dead, done];
  const { before, after } = await stores.moved(async (storage) => {
    await insertTasks(storage, ...all);
    for (const { id } of all.slice(1)) await storage.tasks.claim(id, lease, t0);
    await storage.tasks.extend([{ id: running.id, token: 'lse_1', progress: 0.25 }], lease.until);
    await storage.tasks.cancel(cancelling.id, t0, []);
    const error = { code: 'x', detail: 'ä' };
    const settle = (id: string, settlement: object) =>
      keep(storage, { change: { op: 'settle', id, lease: 'lse_1', settlement: settlement as never, now: t0 + 7 } });
    await settle(retrying.id, { status: 'retrying', runAt: t0 + 100, error });
    await settle(dead.id, { status: 'failed', error });
    await settle(done.id, { status: 'succeeded', result: { 'a.b': [1, null] } });
  });
  for (const { id } of all) {
    const { lease: was, ...rest } = await taskOf(before, id);
    const { lease: is, ...same } = await taskOf(after, id);
    assert.deepEqual(same, rest);
    assert.equal(is?.token, was?.token);
    assert.equal(is?.until, was && t0, 'the lease is void');
  }
  assert.deepEqual(await after.tasks.depths(t0 + 60), await before.tasks.depths(t0 + 60));
  const due = (await after.tasks.due('default', t0, 10)).map(({ id }) => id);
  assert.deepEqual(due.toSorted(), [running.id, cancelling.id].toSorted());
  const [exhausted] = await after.tasks.exhausted(t0, 10);
  assert.deepEqual([exhausted?.id, exhausted?.lease?.token], [spent.id, 'lse_1']);
  const taken = await after.tasks.claim(running.id, { token: 'lse_2', until: t0 + 8000 }, t0);
  assert.deepEqual([taken?.attempts, taken?.startedAt, taken?.progress], [2, t0, 0]);
  assert.equal(await after.tasks.requeue(dead.id, t0, []), true);
  assert.equal(await after.tasks.nextDue(t0), t0 + 50);
});

test('the audit log comes over with its seals, and the next sealer continues it', async (t) => {
  const stores = world(t);
  if (stores === undefined) return;
  const entries = times(5, (n) => anEntry({ id: newId('adt'), at: t0 + n }));
  const { before, after } = await stores.moved(async (storage) => {
    await keep(storage, { change: { op: 'none' }, audit: entries });
    assert.ok(await storage.audit.seal(seals(entries.slice(0, 3), 0, genesis)));
  });
  assert.deepEqual(await after.audit.list({ limit: 10 }), await before.audit.list({ limit: 10 }));
  assert.deepEqual(await after.audit.sealed(0, 10), await before.audit.sealed(0, 10));
  const last = await after.audit.lastSeal();
  assert.equal(last?.seq, 3);
  assert.deepEqual(await after.audit.unsealed(10), await before.audit.unsealed(10));
  assert.ok(await after.audit.seal(seals(await after.audit.unsealed(10), 3, last!.sha256)));
});

function seals(entries: AuditEntry[], seq: number, previous: string) {
  let head = previous;
  return entries.map((entry, i) => {
    const seal = sealOf(entry, seq + i + 1, head);
    head = seal.sha256;
    return { id: entry.id, seal };
  });
}
