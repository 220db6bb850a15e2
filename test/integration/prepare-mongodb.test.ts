import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, formstead } from '../support/command-line.ts';

/* What it does to a server is asked of the running stack: test/stack/. */
const secretKey = 'x'.repeat(32);

test('prepare-mongodb says what MONGODB_URL lacks, and touches no server', async (t) => {
  const dir = directory(t);
  const password = join(dir, 'password');
  writeFileSync(password, 'whatever\n');
  const command = [
    'prepare-mongodb',
    '--member',
    'mongodb:27017',
    '--via',
    '127.0.0.1:9',
    '--admin-password-file',
    password,
  ];
  const stack = { FORMSTEAD_SECRET_KEY: secretKey, REDIS_URL: 'redis://127.0.0.1:9' };
  const [unset, nobody, noSet] = await Promise.all([
    formstead(command),
    formstead(command, { ...stack, MONGODB_URL: 'mongodb://mongodb:27017/formstead?replicaSet=rs0' }),
    formstead(command, { ...stack, MONGODB_URL: 'mongodb://formstead:secret@mongodb:27017/formstead' }),
  ]);
  assert.deepEqual([unset.code, nobody.code, noSet.code], [1, 1, 1]);
  assert.match(unset.stderr, /MONGODB_URL is not set/);
  for (const { stderr } of [nobody, noSet]) {
    assert.match(stderr, /must name user, password, database and replica set/);
    assert.ok(!stderr.includes('secret@'));
  }
});
