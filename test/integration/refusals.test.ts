import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createRefusals } from '#app/refusals.ts';
import { AppError } from '#domain/errors.ts';
import type { CompiledForm } from '#domain/form/compiled.ts';
import type { Storage } from '#ports/storage.ts';
import { createIds } from '../../src/adapters/ids-uuid/ids.ts';
import { aForm, aResponse, t0 } from '../contract/storage/documents.ts';
import { createRecordingLog, openTaskWorld } from '../support/task-world.ts';

/* Counts of refused responses on their way into the store: several processes, a store that is away, an answer that is lost. */

const questions = (...names: string[]) => ({ questions: names.map((name) => ({ name })) }) as CompiledForm;
const compiled = questions('email', 'age');
const missing = (name: string) => [{ pointer: `/answers/${name}`, code: 'required', detail: 'Answer this question.' }];
const hour = 3_600_000;

async function open(t: TestContext) {
  const { storage } = await openTaskWorld(t);
  const form = aForm();
  await storage.commit({ change: { op: 'insert', kind: 'form', doc: form } });
  let now = t0;
  const clock = { now: () => now };
  const log = createRecordingLog();
  return {
    storage,
    formId: form.id,
    log,
    at(instant: number) {
      now = instant;
    },
    /** One process; what it asks of the store goes by `through`. */
    process: (through: Partial<Pick<Storage, 'get' | 'commit'>> = {}, leastGroup = 1) =>
      createRefusals({
        storage: { ...storage, ...through },
        clock,
        ids: createIds({ clock }),
        log,
        timeZone: 'Europe/Berlin',
        leastGroup,
      }),
    kept: async () => (await storage.list('refusals', { where: { formId: form.id }, limit: 100 })).items,
  };
}

const away = () => Promise.reject(new AppError('storage-unavailable', { detail: 'away' }));

test('eight processes that write at once add up', async (t) => {
  const { process, formId, kept, log } = await open(t);
  const processes = Array.from({ length: 8 }, () => process());
  for (const [i, one] of processes.entries())
    for (let n = 0; n <= i; n++) one.count(formId, compiled, n === 0 ? missing('email') : missing('age'));
  await Promise.all(processes.map((one) => one.flush()));
  const [only, ...none] = await kept();
  assert.equal(none.length, 0);
  assert.equal(only!.doc.refused, 36);
  const counts = Object.fromEntries(only!.doc.questions.map(({ question, count }) => [question, count]));
  assert.deepEqual(counts, { email: 8, age: 28 });
  assert.deepEqual(log.lines, []);
});

test('a flush without anything to write asks nothing of the store', async (t) => {
  const { process } = await open(t);
  const never = () => assert.fail('the store was asked');
  await process({ get: never, commit: never }).flush();
});

test('what a store that is away does not take is counted once it is back, with what came meanwhile', async (t) => {
  const { process, storage, formId, kept, log } = await open(t);
  let there = false;
  const one = process({ get: (kind, id) => (there ? storage.get(kind, id) : away()) });
  for (let n = 0; n < 3; n++) {
    one.count(formId, compiled, missing('email'));
    await one.flush();
  }
  assert.deepEqual(await kept(), []);
  assert.equal(log.lines.length, 3);
  there = true;
  await one.flush();
  assert.equal((await kept())[0]!.doc.refused, 3);
  await one.flush();
  assert.equal((await kept())[0]!.doc.refused, 3);
});

test('a write whose answer was lost is not counted twice', async (t) => {
  const { process, storage, formId, kept } = await open(t);
  let lost = 0;
  const one = process({
    async commit(commit) {
      const done = await storage.commit(commit);
      lost += 1;
      return lost <= 2 ? away() : done;
    },
  });
  one.count(formId, compiled, missing('email'));
  await one.flush();
  one.count(formId, compiled, missing('age'));
  for (let n = 0; n < 3; n++) await one.flush();
  assert.equal((await kept())[0]!.doc.refused, 2);
});

test('what is counted while a flush runs is in the one that was asked for after it', async (t) => {
  const { process, storage, formId, kept } = await open(t);
  let slowly: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    slowly = resolve;
  });
  const one = process({
    get: async (kind, id) => {
      await gate;
      return storage.get(kind, id);
    },
  });
  one.count(formId, compiled, missing('email'));
  const first = one.flush();
  await new Promise(setImmediate);
  one.count(formId, compiled, missing('email'));
  const second = one.flush();
  slowly();
  await first;
  await second;
  assert.equal((await kept())[0]!.doc.refused, 2);
});

test('memory is bounded while nothing can be written, and what was not counted is said', async (t) => {
  const { process, formId, storage, log } = await open(t);
  let there = false;
  const one = process({ get: (kind, id) => (there ? storage.get(kind, id) : away()) });
  const many = questions(...Array.from({ length: 500 }, (_, i) => `q${i}`));
  const issues = many.questions.slice(0, 100).flatMap(({ name }) => missing(name));
  for (let n = 0; n < 600; n++) one.count(`${formId}-${n}`, many, issues);
  await one.flush();
  there = true;
  await one.flush();
  const { items } = await storage.list('refusals', { limit: 1000 });
  assert.equal(items.length, 500, '50,000 pairs of 100 each');
  assert.deepEqual(log.lines.at(-1)?.fields, { responses: 100 });
  one.count(formId, compiled, missing('email'));
  await one.flush();
  assert.ok(await storage.get('refusals', `${formId}:2026-11-02`), 'there is room again');
});

test('a day ends when it does in the time zone, for what is refused as for what is accepted', async (t) => {
  const { process, storage, formId, at } = await open(t);
  const one = process();
  // 23:30 of the second of November in Berlin, half past midnight of the third, and noon of the fourth.
  const instants = [Date.UTC(2026, 10, 2, 22, 30), Date.UTC(2026, 10, 2, 23, 30), Date.UTC(2026, 10, 4, 11)];
  const days = ['2026-11-02', '2026-11-03', '2026-11-04'];
  for (const [i, now] of instants.entries()) {
    at(now);
    one.count(formId, compiled, missing('email'));
    await storage.commit({
      change: { op: 'insert', kind: 'response', doc: aResponse({ formId, now, day: days[i]! }) },
    });
  }
  const { byDay, byQuestion, refused, accepted } = await one.ofForm({ formId, from: '2026-11-02', to: '2026-11-03' });
  assert.deepEqual(byDay, [
    { day: '2026-11-02', refused: 1, accepted: 1 },
    { day: '2026-11-03', refused: 1, accepted: 1 },
  ]);
  assert.deepEqual([refused, accepted], [2, 2]);
  assert.deepEqual(byQuestion, [{ question: 'email', code: 'required', count: 2 }]);
  // Half past eleven in the evening: between these days of the calendar the clocks went back.
  at(Date.UTC(2026, 10, 4, 22, 30));
  const all = await one.ofForm({ formId });
  assert.deepEqual([all.from, all.to, all.refused], ['2026-10-06', '2026-11-04', 3]);
});

test('a range is cut to the days of which counts are kept, and refused where it holds none', async (t) => {
  const { process, formId } = await open(t);
  const one = process();
  const { from, to, refused } = await one.ofForm({ formId, from: '1900-01-01', to: '9999-12-31' });
  assert.deepEqual([from, to, refused], ['2025-09-29', '2026-11-02', 0]);
  for (const range of [
    { from: '2026-11-03' },
    { to: '2025-09-28', from: '2000-01-01' },
    { from: '2026-11-02', to: '2026-11-01' },
  ])
    await assert.rejects(one.ofForm({ formId, ...range }), { code: 'malformed-query' });
  await assert.rejects(one.ofForm({ formId: 'frm_none' }), { code: 'form-not-found' });
});

test('the oldest day that is shown is not pruned in any zone', async (t) => {
  const { storage, process, formId, at } = await open(t);
  const one = process();
  one.count(formId, compiled, missing('email'));
  await one.flush();
  at(t0 + 399 * 24 * hour);
  assert.equal((await one.ofForm({ formId, from: '2026-11-02' })).refused, 1);
  assert.equal(await storage.prune('refusals', t0 + (399 - 402) * 24 * hour, 10), 0);
});
