import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { verifyAudit } from '#app/audit-seal.ts';
import { sealAudit } from '#jobs/handlers/seal-audit.ts';
import { createKeyRing } from '../../src/adapters/keyring-node/key-ring.ts';
import { databaseFile } from '../../src/adapters/storage-sqlite/storage.ts';
import { type AccessWorld, openAccessWorld, secret } from '../support/access-world.ts';

type Item = { action: string; subject: string };

const operator = { actor: { kind: 'operator', id: 'test' } } as const;

async function write(world: AccessWorld, count: number, action = 'form.publish'): Promise<void> {
  const audit = Array.from({ length: count }, (_, i) => world.audit(operator, action, `frm_${i}`, { version: i }));
  await world.storage.commit({ change: { op: 'none' }, audit });
}

/** Changes the file as somebody would who has it. */
function tamper(world: AccessWorld, ...statements: string[]): void {
  const db = new DatabaseSync(join(world.dir, databaseFile), { timeout: 5000 });
  for (const statement of statements) db.exec(statement);
  db.close();
}

test('entries are numbered and chained in the order they were written, then the head is signed', async (t) => {
  const world = await openAccessWorld(t);
  await write(world, 1203);
  assert.deepEqual(await verifyAudit(world.storage, world.keyRing), {
    sealed: 0,
    unsealed: 1203,
    signatures: 0,
    broken: undefined,
  });
  assert.deepEqual(await world.sealer.seal(), { sealed: 1203, seq: 1203, signed: true });
  assert.deepEqual(await world.sealer.seal(), { sealed: 1, seq: 1204, signed: false });
  assert.deepEqual(await verifyAudit(world.storage, world.keyRing), {
    sealed: 1204,
    unsealed: 0,
    signatures: 1,
    broken: undefined,
  });
  const page = await world.storage.audit.sealed(0, 1000);
  assert.deepEqual(
    page.slice(0, 3).map(({ entry, seal }) => [seal.seq, entry.subject]),
    [
      [1, 'frm_0'],
      [2, 'frm_1'],
      [3, 'frm_2'],
    ],
  );
  // The copy outside the store.
  const line = world.log.lines.find(({ message }) => message === 'head of the audit log signed');
  assert.equal(line?.fields.seq, 1203);
});

test('the head is signed once an interval, and not again when nothing has happened', async (t) => {
  const world = await openAccessWorld(t);
  await write(world, 1);
  assert.equal((await world.sealer.seal()).signed, true);
  await write(world, 1);
  assert.equal((await world.sealer.seal()).signed, false);
  world.clock.advance(3_600_001);
  assert.equal((await world.sealer.seal()).signed, true);
  world.clock.advance(3_600_001);
  for (let i = 0; i < 3; i++) assert.equal((await world.sealer.seal()).signed, false);
  assert.equal((await verifyAudit(world.storage, world.keyRing)).signatures, 2);
});

test('sealers that run at once give every entry one number', async (t) => {
  const world = await openAccessWorld(t);
  await write(world, 700);
  await Promise.all(Array.from({ length: 5 }, () => world.sealer.seal()));
  while ((await world.storage.audit.unsealedCount()) > 0) await world.sealer.seal();
  const { sealed, unsealed, broken } = await verifyAudit(world.storage, world.keyRing);
  assert.ok(sealed >= 701);
  assert.equal(unsealed, 0);
  assert.equal(broken, undefined);
});

test('the database refuses to change or remove an entry', async (t) => {
  const world = await openAccessWorld(t);
  await write(world, 3);
  assert.throws(() => tamper(world, "UPDATE audit SET doc = '{}' WHERE n = 2"), /audit entries never change/);
  assert.throws(() => tamper(world, 'DELETE FROM audit WHERE n = 2'), /audit entries are never removed/);
  await world.sealer.seal();
  assert.throws(() => tamper(world, "UPDATE audit SET sha256 = 'x' WHERE n = 2"), /audit entries never change/);
  assert.throws(() => tamper(world, 'DELETE FROM audit'), /audit entries are never removed/);
  assert.equal((await verifyAudit(world.storage, world.keyRing)).broken, undefined);
});

for (const [what, statements, found] of [
  [
    'changed',
    [`UPDATE audit SET doc = replace(doc, 'frm_4', 'frm_9') WHERE seq = 5`],
    /^entry 5 \(adt_.*is not what was sealed$/,
  ],
  ['removed', ['DELETE FROM audit WHERE seq = 5'], /^entry 6 follows entry 4; what was between is missing$/],
  [
    'removed, with the gap closed',
    [
      'DELETE FROM audit WHERE seq = 5',
      'UPDATE audit SET seq = -(seq - 1) WHERE seq > 5',
      'UPDATE audit SET seq = -seq WHERE seq < 0',
    ],
    /^entry 5 \(adt_.*does not continue the chain$/,
  ],
  [
    'exchanged with its neighbour',
    [
      'UPDATE audit SET seq = -5 WHERE seq = 5',
      'UPDATE audit SET seq = 5 WHERE seq = 6',
      'UPDATE audit SET seq = 6 WHERE seq = -5',
    ],
    /^entry 5 \(adt_.*does not continue the chain$/,
  ],
  [
    'cut off at the end',
    ['DELETE FROM audit WHERE seq BETWEEN 8 AND 10', 'UPDATE audit SET seq = NULL WHERE seq = 11'],
    /^entry 10 was signed, and the log ends at entry 7$/,
  ],
] as [string, string[], RegExp][]) {
  test(`an entry that was ${what} behind the database's back is found`, async (t) => {
    const world = await openAccessWorld(t);
    await write(world, 10);
    await world.sealer.seal();
    await world.sealer.seal();
    tamper(world, 'DROP TRIGGER audit_fixed', 'DROP TRIGGER audit_keep', ...statements);
    assert.match((await verifyAudit(world.storage, world.keyRing)).broken ?? '', found);
  });
}

test('a chain that was computed anew after a change contradicts its signature', async (t) => {
  const world = await openAccessWorld(t);
  await write(world, 10);
  await world.sealer.seal();
  await world.sealer.seal();
  tamper(
    world,
    'DROP TRIGGER audit_fixed',
    `UPDATE audit SET doc = replace(doc, 'frm_4', 'frm_9') WHERE seq = 5`,
    'UPDATE audit SET seq = NULL, sha256 = NULL, previous = NULL WHERE seq >= 5',
  );
  await world.sealer.seal();
  const { broken, unsealed } = await verifyAudit(world.storage, world.keyRing);
  assert.equal(unsealed, 0);
  assert.equal(broken, 'entry 10 is not the one that was signed');
});

test('a signature by another secret key is not taken for ours, one by an earlier secret key is', async (t) => {
  const world = await openAccessWorld(t);
  await write(world, 2);
  await world.sealer.seal();
  const stranger = createKeyRing({ current: 'another-secret-another-secret-anot' });
  assert.match((await verifyAudit(world.storage, stranger)).broken ?? '', /signature in adt_.* is not good/);
  const rotated = createKeyRing({ current: 'another-secret-another-secret-anot', previous: [secret] });
  assert.equal((await verifyAudit(world.storage, rotated)).broken, undefined);
});

test('the task seals, and says in its result how far it came', async (t) => {
  const world = await openAccessWorld(t);
  await write(world, 4);
  const run = sealAudit(world.sealer);
  const context = { task: { id: 'tsk_seal' }, lease: 'lse_lost', signal: new AbortController().signal };
  // A lease that is not held: what is sealed stays (it is compare-and-set by itself), but nothing is signed.
  assert.deepEqual(await run(context as never), { done: { sealed: 4, seq: 4, signed: false } });
  assert.equal((await verifyAudit(world.storage, world.keyRing)).signatures, 0);
});

test('administrators read the audit log page by page, by action, with its seals', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('admin@example.org', 'admin');
  const { access_token: token } = await world.signIn('admin@example.org');
  await write(world, 3);
  await world.sealer.seal();
  await write(world, 1, 'form.close');
  const read = (query: string) => world.call('GET', `/audit${query}`, { token });
  const all = (await read('')).body.items;
  assert.equal(all[0].action, 'form.close');
  assert.equal(all[0].seal, null);
  const published = (await read('?action=form.publish&limit=2')).body;
  assert.deepEqual(
    published.items.map((item: Item) => item.subject),
    ['frm_2', 'frm_1'],
  );
  assert.match(published.items[0].seal.sha256, /^[0-9a-f]{64}$/);
  assert.equal(published.items[0].seal.previous, published.items[1].seal.sha256);
  const rest = (await read(`?action=form.publish&limit=2&cursor=${published.next_cursor}`)).body;
  assert.deepEqual(
    rest.items.map((item: Item) => item.subject),
    ['frm_0'],
  );
  assert.equal(rest.next_cursor, null);
  const login = all.find((item: Item) => item.action === 'login.succeed');
  assert.match(login.actor, /^user:usr_/);
  assert.ok(login.request_id);
  assert.equal((await read('?cursor=x')).body.code, 'bad-cursor');
  assert.equal((await read('?action=%24ne')).status, 400);
});
