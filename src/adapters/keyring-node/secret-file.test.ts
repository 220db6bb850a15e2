import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadOrCreateSecret } from './secret-file.ts';

async function dataDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'formstead-secret-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('the first start makes a secret of 256 bits that only its owner can read, and leaves nothing else', async (t) => {
  const dir = join(await dataDir(t), 'not', 'yet', 'there');
  const made = await loadOrCreateSecret(dir);
  assert.ok('secret' in made && made.created);
  assert.match(made.secret, /^[A-Za-z0-9_-]{43}$/);
  assert.equal((await stat(made.path)).mode & 0o777, 0o600);
  assert.equal(await readFile(made.path, 'utf8'), `${made.secret}\n`);
  assert.deepEqual(await readdir(dir), ['secret.key']);
});

test('the mode is 600 whatever the umask is', async (t) => {
  const dir = await dataDir(t);
  const before = process.umask(0o777);
  try {
    const made = await loadOrCreateSecret(dir).finally(() => process.umask(before));
    assert.ok('path' in made);
    assert.equal((await stat(made.path)).mode & 0o777, 0o600);
  } finally {
    process.umask(before);
  }
});

test('the second start finds the secret of the first', async (t) => {
  const dir = await dataDir(t);
  const first = await loadOrCreateSecret(dir);
  const second = await loadOrCreateSecret(dir);
  assert.ok('secret' in first && 'secret' in second);
  assert.equal(second.secret, first.secret);
  assert.equal(second.created, false);
});

test('of twenty that start at once one makes the secret and all use it', async (t) => {
  const dir = await dataDir(t);
  const all = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateSecret(dir)));
  const secrets = new Set(all.map((one) => ('secret' in one ? one.secret : 'refused')));
  assert.equal(secrets.size, 1);
  assert.equal(all.filter((one) => 'created' in one && one.created).length, 1);
  assert.deepEqual(await readdir(dir), ['secret.key']);
});

for (const mode of [0o644, 0o640, 0o604, 0o660, 0o602]) {
  test(`a secret file of mode ${mode.toString(8)} is refused with the command that mends it, without the secret`, async (t) => {
    const dir = await dataDir(t);
    const made = await loadOrCreateSecret(dir);
    assert.ok('secret' in made);
    await chmod(made.path, mode);
    const refused = await loadOrCreateSecret(dir);
    assert.ok('mistake' in refused);
    assert.match(refused.mistake.problem, new RegExp(`mode ${mode.toString(8)}`));
    assert.match(refused.mistake.cure, /chmod 600 .*secret\.key/);
    assert.ok(!JSON.stringify(refused).includes(made.secret));
    await chmod(made.path, 0o600);
    assert.deepEqual(await loadOrCreateSecret(dir), { ...made, created: false });
  });
}

test('an empty or cut-off secret file is refused and not replaced', async (t) => {
  const dir = await dataDir(t);
  for (const text of ['', 'abc\n']) {
    await writeFile(join(dir, 'secret.key'), text, { mode: 0o600 });
    const refused = await loadOrCreateSecret(dir);
    assert.ok('mistake' in refused);
    assert.match(refused.mistake.problem, /at least 32/);
    assert.equal(await readFile(join(dir, 'secret.key'), 'utf8'), text);
  }
});

test('a secret file of another user is refused with the command that mends it', async (t) => {
  const dir = await dataDir(t);
  const made = await loadOrCreateSecret(dir);
  assert.ok('secret' in made);
  await chmod(dir, 0o755);
  // Root may read every file, whatever its mode; whoever else runs this may not read its own without a mode.
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid!(65_534);
  else await chmod(made.path, 0);
  const refused = await loadOrCreateSecret(dir).finally(() => root && process.seteuid!(0));
  assert.ok('mistake' in refused);
  assert.match(refused.mistake.problem, /secret\.key cannot be read by this user \(EACCES\)/);
  assert.match(refused.mistake.cure, /chown USER .+secret\.key/);
});

test('a link in place of the secret file is refused', async (t) => {
  const dir = await dataDir(t);
  await writeFile(join(dir, 'elsewhere'), 'x'.repeat(43), { mode: 0o600 });
  await symlink(join(dir, 'elsewhere'), join(dir, 'secret.key'));
  const refused = await loadOrCreateSecret(dir);
  assert.ok('mistake' in refused);
  assert.match(refused.mistake.problem, /not a regular file/);
});
