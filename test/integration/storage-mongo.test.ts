import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Document, MongoClient } from 'mongodb';
import { rootTaskId } from '#domain/task.ts';
import type { Storage } from '#ports/storage.ts';
import { systemClock } from '../../src/adapters/clock-system/clock.ts';
import { createLeases } from '../../src/adapters/storage-mongo/leases.ts';
import { type MongoStorageOptions, openMongoStorage } from '../../src/adapters/storage-mongo/storage.ts';
import { checkedLinks } from '../contract/storage/chain-check.ts';
import {
  aForm,
  anEndpoint,
  anEntry,
  anEvent,
  aResponse,
  aTask,
  itsTask,
  newId,
  t0,
} from '../contract/storage/documents.ts';
import {
  claimed,
  insert,
  insertion,
  insertTasks,
  keep,
  outcomes,
  sequenceOf,
  times,
  unavailable,
  updating,
} from '../contract/storage/kit.ts';
import { mongoPlace } from '../support/mongo-place.ts';
import { mongoUrl, noMongo, skipWithout } from '../support/services.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const limit = { timeout: 60_000 };

/** A database of its own, with a store on it and the database itself beside. Undefined, and the test is skipped, without a server. */
async function world(t: TestContext, over: Partial<MongoStorageOptions> = {}) {
  const server = mongoUrl();
  if (server === undefined) return skipWithout(t, noMongo);
  const place = mongoPlace(server);
  const client = new MongoClient(place.options.url);
  const opened: Storage[] = [];
  const open = async (more: Partial<MongoStorageOptions> = {}) => {
    const storage = await openMongoStorage({ ...place.options, clock: systemClock, ...over, ...more });
    opened.push(storage);
    return storage;
  };
  t.after(async () => {
    await Promise.all(opened.map((storage) => storage.close()));
    await client.close();
    await place.clear();
  });
  return { open, url: new URL(place.options.url), raw: client.db() };
}

/** A proxy before the server, and the URL that leads through it. */
async function proxied(t: TestContext, url: URL) {
  const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  t.after(() => proxy.close());
  const through = new URL(url);
  through.port = String(proxy.port);
  // Else the driver asks a replica set for its members, and goes round the proxy.
  through.searchParams.set('directConnection', 'true');
  return { proxy, through };
}

const arrives = async (what: () => Promise<boolean>): Promise<void> => {
  while (!(await what())) await sleep(20);
};

test('every write waits for the journals of a majority, claims and heartbeats excepted', limit, async (t) => {
  const commands: { name: string; body: Document }[] = [];
  const w = await world(t, { onCommand: (name, body) => void commands.push({ name, body }) });
  if (!w) return;
  const storage = await w.open();
  const writes = ['insert', 'update', 'delete', 'findAndModify', 'bulkWrite'];
  const take = () => commands.splice(0).filter(({ name }) => writes.includes(name));

  const response = aResponse({ idempotency: 'k' });
  const form = aForm();
  await keep(storage, insertion('response', response, { tasks: [itsTask(response)], audit: [anEntry()] }));
  await keep(storage, updating('response', response, 1, { also: [{ kind: 'event', doc: anEvent() }] }));
  await keep(storage, insertion('form', form));
  await storage.commit({ change: { op: 'remove', kind: 'form', id: form.id, expect: 1 }, audit: [anEntry()] });
  await keep(storage, { change: { op: 'none' }, tasks: [aTask()] });
  await storage.responses.forgetKeys(t0 + 1, 10);
  await storage.prune('session', t0, 10);
  await storage.ping();
  // The outboxes are emptied behind the answers.
  await arrives(async () => (await w.raw.collection('responses').countDocuments({ waiting: { $gt: 0 } })) === 0);
  const durable = take();
  assert.ok(durable.length >= 12, `${durable.length} writes`);
  for (const { name, body } of durable) assert.deepEqual(body.writeConcern, { w: 'majority', j: true }, name);

  const task = itsTask(response);
  const { lease } = await claimed(storage, task.id);
  await storage.tasks.extend([{ id: task.id, token: lease, progress: 0.5 }], t0 + 9000);
  const hasty = take();
  assert.deepEqual(
    hasty.map(({ name, body }) => [name, body.writeConcern]),
    [
      ['findAndModify', { w: 1 }],
      ['update', { w: 1 }],
    ],
  );
  await keep(storage, {
    change: { op: 'settle', id: task.id, lease, settlement: { status: 'succeeded' }, now: t0 },
  });
  for (const { body } of take()) assert.deepEqual(body.writeConcern, { w: 'majority', j: true });
});

test('responses that come in together share a write, and a chain', limit, async (t) => {
  const w = await world(t);
  if (!w) return;
  const sizes: number[] = [];
  const storage = await w.open({ onBatch: ({ size }) => void sizes.push(size) });
  await insert(storage, 'response', ...times(150, () => aResponse()));
  assert.deepEqual(sizes, [150]);
  assert.equal((await checkedLinks(storage)).length, 150);
});

test('counting asks the server as often for a form of many questions as for one of few', limit, async (t) => {
  const names: string[] = [];
  const w = await world(t, { onCommand: (name) => void names.push(name) });
  if (!w) return;
  const storage = await w.open();
  const fields = times(60, (i) => `q${i}`);
  const formId = newId('frm');
  await insert(
    storage,
    'response',
    aResponse({ formId, answers: Object.fromEntries(fields.map((name) => [name, true])) }),
  );
  const asked = async (those: string[]) => {
    names.length = 0;
    const { byField } = await storage.responses.analytics({ formId, fields: those });
    assert.deepEqual(byField, Object.fromEntries(those.map((name) => [name, [{ value: true, count: 1 }]])));
    return names.filter((name) => name === 'aggregate').length;
  };
  assert.equal(await asked(fields), await asked(fields.slice(0, 1)));
});

test('two processes write chains of their own, and each begins at a link that is there', limit, async (t) => {
  const w = await world(t);
  if (!w) return;
  const [one, two] = [await w.open(), await w.open()];
  for (let round = 0; round < 5; round++)
    await Promise.all([one, two].map((storage) => insert(storage, 'response', ...times(7, () => aResponse()))));
  const links = await checkedLinks(one);
  assert.equal(links.length, 70);
  assert.equal(new Set(links.map(({ receipt }) => receipt.chain)).size, 2);
  // The same key at both: one of them keeps it.
  const results = await Promise.all(
    times(20, (i) => (i % 2 ? one : two).commit(insertion('response', aResponse({ idempotency: 'shared' })))),
  );
  assert.equal(outcomes(results, 'committed').length, 1);
  assert.equal(outcomes(results, 'exists').length, 19);
  assert.equal((await checkedLinks(two)).length, 71);
});

test(
  'what a process left in an outbox is moved to its place by the next one that opens the store',
  limit,
  async (t) => {
    const w = await world(t);
    if (!w) return;
    const first = await w.open();
    const response = aResponse();
    const task = itsTask(response);
    const event = anEvent({ responseId: response.id });
    await keep(first, insertion('response', response, { tasks: [task], also: [{ kind: 'event', doc: event }] }));
    const sequence = await sequenceOf(first);
    await first.close();
    await putBack(w.raw, response.id, { tasks: task.id, events: event.id });
    const links = await (await w.open()).receipts.links(0, 10);
    assert.deepEqual(links[0]!.steps, [{ id: task.id, status: 'pending' }]);
    const next = await w.open();
    assert.equal((await next.tasks.get(task.id))?.status, 'pending');
    assert.equal((await next.get('event', event.id))?.doc.responseId, response.id);
    assert.ok((await sequenceOf(next)) > sequence);
    const record = await w.raw
      .collection<{ _id: string; waiting: number; outbox: object }>('responses')
      .findOne({ _id: response.id });
    assert.deepEqual([record!.waiting, record!.outbox], [0, {}]);
  },
);

/** As a kill between the commit and the relay leaves it: the followers are still in the response. */
async function putBack(raw: ReturnType<MongoClient['db']>, id: string, places: Record<string, string>): Promise<void> {
  type Loose = Document & { _id: string };
  const moved = async (collection: string) => {
    const found = await raw.collection<Loose>(collection).findOneAndDelete({ _id: places[collection]! });
    return found!;
  };
  const entry = {
    also: [{ collection: 'events', record: await moved('events') }],
    tasks: [await moved('tasks')],
    audit: [],
    drop: null,
    response: true,
  };
  await raw.collection<Loose>('responses').updateOne({ _id: id }, { $set: { 'outbox.c1': entry, waiting: 1 } });
}

test('a process that runs sweeps what another has left', limit, async (t) => {
  const w = await world(t);
  if (!w) return;
  const [alive, dead] = [await w.open(), await w.open()];
  const response = aResponse();
  const event = anEvent();
  await keep(
    dead,
    insertion('response', response, { tasks: [itsTask(response)], also: [{ kind: 'event', doc: event }] }),
  );
  await dead.close();
  await putBack(w.raw, response.id, { tasks: itsTask(response).id, events: event.id });
  assert.equal((await alive.receipts.links(0, 1))[0]!.steps[0]!.status, 'pending', 'seen before it is swept');
  await arrives(async () => (await alive.tasks.get(itsTask(response).id)) !== undefined);
  assert.ok(await alive.get('event', event.id));
});

test('a lease is held by one, and one of a clock that is far ahead by nobody', limit, async (t) => {
  const w = await world(t);
  if (!w) return;
  const leases = createLeases(w.raw);
  const ms = 10_000;
  const take = (token: string, now: number) => leases.take('l', token, now, ms);
  assert.equal(await take('one', t0), true);
  assert.equal(await take('two', t0 + ms - 1), false);
  assert.equal(await take('one', t0 + 5), true, 'renewed');
  assert.equal(await take('two', t0 + 5 + ms), true, 'it has ended');
  await leases.release('l', 'two');
  assert.equal(await take('slightly ahead', t0 + ms - 1), true);
  assert.equal(await take('two', t0), false);
  await leases.release('l', 'slightly ahead');
  assert.equal(await take('far ahead', t0 + 300_000), true);
  assert.equal(await take('two', t0), true);
  assert.equal(await take('one', t0), false);
});

test('a change that is acknowledged and not yet counted is told apart from none', limit, async (t) => {
  const w = await world(t);
  if (!w) return;
  const troubles: unknown[] = [];
  const storage = await w.open({ onTrouble: (err) => void troubles.push(err) });
  await keep(storage, insertion('response', aResponse()));
  const sequence = await sequenceOf(storage);
  const counter = w.raw.collection<{ _id: string; n: unknown }>('counters');
  // Nothing can be added to a text: what follows from the response cannot be moved.
  await counter.updateOne({ _id: 'responses' }, { $set: { n: 'broken' } });
  await keep(storage, insertion('response', aResponse()));
  assert.equal(troubles.length > 0, true, 'the relay has failed');
  await counter.updateOne({ _id: 'responses' }, { $set: { n: sequence } });
  assert.notEqual(await storage.sequence(), sequence);
  assert.ok((await sequenceOf(storage)) > sequence, 'counted by the sweeper');
});

test('a removal that was cut off is finished, unless the document has changed since', limit, async (t) => {
  const w = await world(t);
  if (!w) return;
  const first = await w.open();
  const [gone, kept] = [anEndpoint(), anEndpoint()];
  await insert(first, 'endpoint', gone, kept);
  await keep(first, updating('endpoint', kept, 1));
  await first.close();
  const entries = [anEntry(), anEntry()];
  for (const [i, { id }] of [gone, kept].entries()) {
    const audit = [
      { _id: entries[i]!.id, at: t0, action: 'x', doc: JSON.stringify(entries[i]), place: `id:${entries[i]!.id}` },
    ];
    const outbox = { [`c${i}`]: { also: [], tasks: [], audit, drop: null, response: false } };
    // One was begun before the clock was set back by a day.
    const removal = { collection: 'endpoints', id, expect: 1, at: Date.now() + [86_400_000, -60_000][i]! };
    await w.raw
      .collection<Document & { _id: string }>('commits')
      .insertOne({ _id: `c${i}`, waiting: 1, outbox, removal });
  }
  const next = await w.open();
  assert.equal(await next.get('endpoint', gone.id), undefined);
  assert.equal((await next.get('endpoint', kept.id))?.revision, 2);
  const audited = (await next.audit.unsealed(10)).map(({ id }) => id);
  assert.deepEqual(audited, [entries[0]!.id]);
  assert.equal(await w.raw.collection('commits').countDocuments(), 0);
});

test('a commit whose answer is lost has happened once, and says so', limit, async (t) => {
  const w = await world(t);
  if (!w) return;
  const { proxy, through } = await proxied(t, w.url);
  const storage = await w.open({ url: through.href });
  const direct = await w.open();
  const before = aResponse();
  await keep(storage, insertion('response', before));
  const [response, form] = [aResponse(), aForm()];
  for (const { commit, landed } of [
    {
      commit: insertion('response', response, { tasks: [itsTask(response)] }),
      landed: () => direct.get('response', response.id),
    },
    { commit: insertion('form', form, { tasks: [aTask()] }), landed: () => direct.get('form', form.id) },
  ]) {
    // The pool has connections to spare: a new one could not introduce itself.
    await Promise.all(times(5, () => storage.ping()));
    proxy.muteAnswers();
    const result = storage.commit(commit);
    await arrives(async () => (await landed()) !== undefined);
    proxy.cut();
    proxy.thaw();
    assert.equal((await result).outcome, 'committed');
  }
  assert.equal((await direct.tasks.steps(rootTaskId(response.id))).length, 1);
  await keep(storage, insertion('response', aResponse()));
  assert.equal((await checkedLinks(direct)).length, 3);
});

test(
  'while the server is frozen or away everything is refused in time, and goes on when it is back',
  limit,
  async (t) => {
    const w = await world(t);
    if (!w) return;
    const { proxy, through } = await proxied(t, w.url);
    const storage = await w.open({ url: through.href, operationTimeoutMs: 1000 });
    await keep(storage, insertion('response', aResponse()));
    for (const [away, back] of [
      [proxy.freeze, proxy.thaw],
      [proxy.refuse, proxy.restore],
    ] as const) {
      away();
      const refused = await Promise.allSettled([
        storage.commit(insertion('response', aResponse())),
        storage.commit(insertion('form', aForm())),
        storage.get('form', newId('frm')),
        storage.ping(),
        storage.tasks.due('default', t0, 10),
      ]);
      for (const one of refused) assert.ok(one.status === 'rejected' && unavailable(one.reason));
      back();
      await arrives(() =>
        storage.ping().then(
          () => true,
          () => false,
        ),
      );
      await keep(storage, insertion('response', aResponse()));
    }
    const links = await checkedLinks(storage);
    assert.ok(links.length >= 3 && links.length <= 5, 'what was refused may have happened or not');
  },
);

test('of a server that hangs nobody waits for a second try', limit, async (t) => {
  const w = await world(t);
  if (!w) return;
  const { proxy, through } = await proxied(t, w.url);
  const storage = await w.open({ url: through.href, operationTimeoutMs: 1000, patienceMs: 1000 });
  // Connections to spare, so that each finds one.
  await Promise.all(times(8, () => storage.ping()));
  proxy.freeze();
  // A second try begins after 1 s and ends after 2 s. However slow the machine, timers of one process go off in order.
  let late = false;
  const timer = setTimeout(() => {
    late = true;
  }, 1900);
  t.after(() => clearTimeout(timer));
  const calls = {
    ping: () => storage.ping(),
    get: () => storage.get('form', newId('frm')),
    getByKey: () => storage.getByKey('form', 'none'),
    'commit of a response': () => storage.commit(insertion('response', aResponse())),
    'commit of a form': () => storage.commit(insertion('form', aForm())),
  };
  await Promise.all(
    Object.entries(calls).map(async ([name, call]) => {
      await assert.rejects(call(), unavailable);
      assert.equal(late, false, name);
    }),
  );
  proxy.thaw();
});

test('a database that only later releases can work with is refused with the cure', limit, async (t) => {
  const w = await world(t);
  if (!w) return;
  await (await w.open()).close();
  const step = { compatibleWith: 9, about: 'later', at: '' };
  await w.raw.collection<Document & { _id: number }>('schema_steps').insertOne({ _id: 9, ...step });
  await assert.rejects(w.open(), (err) => unavailable(err) && /needs a release that knows schema 9/.test(String(err)));
  await w.raw.collection<{ _id: number }>('schema_steps').updateOne({ _id: 9 }, { $set: { compatibleWith: 1 } });
  await insertTasks(await w.open(), aTask());
});

test('a server that does not answer, and one without a replica set, are refused with the cure', limit, async (t) => {
  const w = await world(t);
  if (!w) return;
  const nobody = { url: 'mongodb://127.0.0.1:9/x', operationTimeoutMs: 300 };
  await assert.rejects(w.open(nobody), (err) => unavailable(err) && /does not answer/.test(String(err)));
  const client = new MongoClient(w.url.href);
  const hello = await client
    .db()
    .command({ hello: 1 })
    .catch(() => ({}) as Document);
  await client.close();
  if (typeof hello.setName === 'string') return void (await (await w.open({ allowStandalone: false })).ping());
  await assert.rejects(w.open({ allowStandalone: false }), (err) => unavailable(err) && /--replSet/.test(String(err)));
});
