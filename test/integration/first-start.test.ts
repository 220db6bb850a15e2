import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createUsers } from '#app/access/users.ts';
import type { Storage } from '#ports/storage.ts';
import { createPasswordFile } from '../../src/adapters/password-file-fs/password-file.ts';
import { openAccessWorld } from '../support/access-world.ts';
import { directory, formstead, type Served, served } from '../support/command-line.ts';
import { testEnvironment, tokenOf } from '../support/program.ts';

const fileName = 'first-admin.txt';
const kept = (dir: string) => {
  const [email = '', password = ''] = readFileSync(join(dir, fileName), 'utf8').split('\n');
  return { email, password };
};

test('a first start that finds its port taken makes no administrator; the next one does, and the password is the one that works', async (t) => {
  const dir = directory(t);
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const port = String((taken.address() as AddressInfo).port);
  const { FORMSTEAD_ADMIN_PASSWORD: _, ...env } = testEnvironment(dir);

  for (const [setting, named] of [
    [{ FORMSTEAD_PORT: port }, /FORMSTEAD_PORT/],
    [{ FORMSTEAD_METRICS_PORT: port }, /FORMSTEAD_METRICS_PORT/],
  ] as const) {
    const failed = await formstead(['serve'], { ...env, ...setting });
    assert.notEqual(failed.code, 0);
    assert.match(failed.stderr, new RegExp(`127\\.0\\.0\\.1:${port} is taken`));
    assert.match(failed.stderr, named, 'the setting that would mend it');
  }
  const server = await served(t, env);
  assert.ok(await tokenOf(server.url, kept(dir)));
});

test('a first start that cannot keep the password makes no user and says what to do; mended, the next one makes and shows it', async (t) => {
  const dir = directory(t);
  const { FORMSTEAD_ADMIN_EMAIL: _, FORMSTEAD_ADMIN_PASSWORD: __, ...env } = testEnvironment(dir);
  mkdirSync(join(dir, fileName));
  const failed = await formstead(['serve'], env);
  assert.notEqual(failed.code, 0);
  assert.match(failed.stderr, /^Formstead cannot start: .*first-admin\.txt.* cannot be written \(EISDIR\)/m);
  assert.match(failed.stderr, /Make room for that file/);
  assert.equal((await formstead(['user', 'list'], env)).stdout, '');
  rmdirSync(join(dir, fileName));
  const server = await served(t, env);
  const shown = /password {2}(\S+)/.exec(server.printed().stderr)![1]!;
  assert.equal(kept(dir).password, shown);
  assert.ok(await tokenOf(server.url, kept(dir)));
});

test('a database that is gone is no first start: doctor finds a fault, and the start warns', async (t) => {
  const dir = directory(t);
  const { FORMSTEAD_SECRET_KEY: _, ...env } = testEnvironment(dir);
  const warnings = (server: Served) =>
    server
      .printed()
      .stdout.split('\n')
      .filter((line) => line.includes('"warn"') && line.includes('an empty database is made'));
  assert.match((await formstead(['doctor'], env)).stdout, /^ok +no database yet: the first start makes it$/m);
  const first = await served(t, env);
  assert.deepEqual(warnings(first), []);
  first.signal('SIGTERM');
  await first.gone;

  for (const name of readdirSync(dir)) if (name.startsWith('formstead.sqlite')) rmSync(join(dir, name));
  const lost = await formstead(['doctor'], env);
  assert.equal(lost.code, 1, lost.stdout);
  assert.match(
    lost.stdout,
    /^fault +formstead\.sqlite is missing in .+, where an installation has left secret\.key and blobs$/m,
  );
  const second = await served(t, env);
  const [warning = '', ...others] = warnings(second);
  assert.deepEqual([JSON.parse(warning).left, others], [['secret.key', 'blobs'], []]);
});

test('a start that finds the file of the first password says so, and leaves it', async (t) => {
  const dir = directory(t);
  const { FORMSTEAD_ADMIN_EMAIL: _, FORMSTEAD_ADMIN_PASSWORD: __, ...env } = testEnvironment(dir);
  const first = await served(t, env);
  assert.doesNotMatch(first.printed().stdout, /still waits in this file/);
  first.signal('SIGKILL');
  await first.gone;
  const before = kept(dir);
  const second = await served(t, env);
  assert.match(second.printed().stdout, /still waits in this file/);
  assert.deepEqual(kept(dir), before);
  assert.ok(!second.printed().stdout.includes(before.password));
});

/** The use case on a store whose commit is another one. */
async function usersOn(t: Parameters<typeof openAccessWorld>[0], commit: (of: Storage) => Storage['commit']) {
  const world = await openAccessWorld(t);
  const storage = { ...world.storage, commit: commit(world.storage) };
  return { ...world, users: createUsers({ ...world, storage }) };
}

test('the password is in its file before the user is in the store, and a commit that nobody heard of loses neither', async (t) => {
  let before: { email: string; password: string } | undefined;
  const world = await usersOn(t, (storage) => async (commit) => {
    before = kept(world.dir);
    await storage.commit(commit);
    throw new Error('the process ends here');
  });
  await assert.rejects(world.users.ensureAdmin({ email: 'admin@example.org' }), /the process ends here/);
  assert.deepEqual(kept(world.dir), before);
  assert.equal((await world.login('admin@example.org', before!.password)).status, 200);
});

test('when somebody else has made the administrator, the file with the password that opens nothing is removed', async (t) => {
  const world = await usersOn(t, () => async () => ({ outcome: 'exists', id: 'usr_other' }));
  assert.deepEqual(await world.users.ensureAdmin({ email: 'admin@example.org' }), { created: false });
  assert.ok(!readdirSync(world.dir).some((name) => name.startsWith(fileName)));
});

test('a password file takes the place of an earlier one, follows no link, is for its owner only, and is removed by who wrote it', async (t) => {
  const dir = directory(t);
  const target = join(dir, 'precious');
  writeFileSync(target, 'precious');
  symlinkSync(target, join(dir, fileName));
  const file = createPasswordFile({ dataDir: dir });
  const [mine, theirs] = ['one', 'two'].map((password) => ({ email: 'admin@example.org', password }));
  for (const each of [mine!, theirs!]) {
    await file.write(each);
    assert.deepEqual(kept(dir), each);
  }
  assert.equal(readFileSync(target, 'utf8'), 'precious');
  assert.equal(statSync(file.path).mode & 0o777, 0o600);
  await file.remove(mine!);
  assert.ok(await file.exists(), 'what another has written stays');
  await file.remove(theirs!);
  assert.deepEqual(readdirSync(dir), ['precious']);
  await file.remove(theirs!);
  assert.ok(!(await file.exists()));
});
