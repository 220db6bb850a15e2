import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry } from '#domain/audit.ts';
import { AppError } from '#domain/errors.ts';
import type { Json } from '#domain/json.ts';
import type { NewTask, Task } from '#domain/task.ts';
import type { Commit, Committed, Documents, Insert, Kind, Storage, Stored } from '#ports/storage.ts';
import { newId, t0 } from './documents.ts';

/** Where one empty store can live: a directory, a database. */
export type Place = {
  /** Opens what is there. One at a time, unless several processes may. */
  open(): Promise<Storage>;
  /** How another process opens it: a module that exports `open(args): Promise<Storage>`. */
  opener: { module: string; args: Json };
  /** The same commit with something in its last part that this store cannot write: the change before it can be written. */
  spoiled(commit: Commit): Commit;
  /** The store's own check of its files, run while it is closed. Errors: throws what is wrong. */
  check(): Promise<void>;
  clear(): Promise<void>;
};

export type StoreUnderTest = { name: string; make: () => Promise<Place> };

type Check = (storage: Storage, place: Place, t: TestContext) => Promise<void>;

/** Opening a store takes up to 0.3 s: the rules of a noun share one, and those that look at everything in a store get their own (`alone`). */
export type Rules = { rule(title: string, check: Check): void; alone(title: string, check: Check): void };

export function noun(under: StoreUnderTest, about: string, declare: (rules: Rules) => void): void {
  suite(`${under.name}, ${about}`, () => {
    let shared: Awaited<ReturnType<typeof placeOf>>;
    let storage: Storage;
    before(async () => {
      shared = await placeOf(under);
      storage = await shared.place.open();
    });
    after(() => shared?.end());
    declare({
      rule: (title, check) => void test(title, { timeout: 30_000 }, (t) => check(storage, shared.place, t)),
      alone: (title, check) =>
        void test(title, { timeout: 30_000 }, async (t) => {
          const { place, end } = await placeOf(under);
          t.after(end);
          await check(await place.open(), place, t);
        }),
    });
  });
}

/** A place whose stores are closed before it is cleared. */
export async function placeOf(under: StoreUnderTest): Promise<{ place: Place; end(): Promise<void> }> {
  const place = await under.make();
  const opened: Storage[] = [];
  const open = async () => {
    const storage = await place.open();
    opened.push(storage);
    return storage;
  };
  const end = async () => {
    await Promise.all(opened.map((storage) => storage.close()));
    await place.clear();
  };
  return { place: { ...place, open }, end };
}

/** The sequence, once everything that was acknowledged is in it. */
export async function sequenceOf(storage: Storage): Promise<number> {
  for (;;) {
    const sequence = await storage.sequence();
    if (sequence !== undefined) return sequence;
    await sleep(5);
  }
}

/** As it comes back: without the fields that were undefined. */
export function plain<T>(doc: T): T {
  return JSON.parse(JSON.stringify(doc)) as T;
}

export function inserting<K extends Kind>(kind: K, doc: Documents[K]): Insert {
  return { kind, doc } as unknown as Insert;
}

export function insertion<K extends Kind>(kind: K, doc: Documents[K], rest: Omit<Commit, 'change'> = {}): Commit {
  return { change: { op: 'insert', ...inserting(kind, doc) }, ...rest };
}

export function updating<K extends Kind>(
  kind: K,
  doc: Documents[K],
  expect: number,
  rest: Omit<Commit, 'change'> = {},
): Commit {
  return { change: { op: 'update', expect, ...inserting(kind, doc) }, ...rest };
}

export async function keep(storage: Storage, commit: Commit): Promise<Extract<Committed, { outcome: 'committed' }>> {
  const result = await storage.commit(commit);
  assert.equal(result.outcome, 'committed');
  return result as Extract<Committed, { outcome: 'committed' }>;
}

export async function insert<K extends Kind>(storage: Storage, kind: K, ...docs: Documents[K][]): Promise<void> {
  await Promise.all(docs.map((doc) => keep(storage, insertion(kind, doc))));
}

export async function insertTasks(storage: Storage, ...tasks: NewTask[]): Promise<void> {
  await keep(storage, { change: { op: 'none' }, tasks });
}

export async function found<K extends Kind>(storage: Storage, kind: K, id: string): Promise<Stored<K>> {
  const stored = await storage.get(kind, id);
  assert.ok(stored, `${kind} ${id} is not there`);
  return stored;
}

export async function taskOf(storage: Storage, id: string): Promise<Task> {
  const task = await storage.tasks.get(id);
  assert.ok(task, `task ${id} is not there`);
  return task;
}

/** Claims a task that must be free. The lease lasts 8 s from `now`. */
export async function claimed(
  storage: Storage,
  id: string,
  now = t0,
): Promise<{ task: Task; lease: string; until: number }> {
  const lease = newId('lse');
  const task = await storage.tasks.claim(id, { token: lease, until: now + 8000 }, now);
  assert.ok(task, `${id} cannot be claimed`);
  return { task, lease, until: now + 8000 };
}

export async function auditEntries(storage: Storage): Promise<AuditEntry[]> {
  const all: AuditEntry[] = [];
  let after: string | undefined;
  do {
    const page = await storage.audit.list({ limit: 500, after });
    all.push(...page.items.map(({ entry }) => entry));
    after = page.next;
  } while (after !== undefined);
  return all;
}

/** Every document that a list gives, page by page. */
export async function listed<K extends Kind>(
  storage: Storage,
  kind: K,
  query: Omit<Parameters<typeof storage.list<K>>[1], 'limit' | 'after'>,
  limit = 100,
): Promise<Stored<K>[]> {
  const all: Stored<K>[] = [];
  let after: string | undefined;
  do {
    const page = await storage.list(kind, { ...query, limit, after });
    all.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return all;
}

export function unavailable(err: unknown): boolean {
  assert.ok(err instanceof AppError, `not an AppError: ${err}`);
  assert.equal(err.code, 'storage-unavailable');
  return true;
}

export const outcomes = (results: Committed[], outcome: Committed['outcome']) =>
  results.filter((result) => result.outcome === outcome);

export const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
