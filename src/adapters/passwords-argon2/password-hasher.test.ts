import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';
import { AppError } from '#domain/errors.ts';
import { createPasswordHasher } from './password-hasher.ts';
import { createTurnstile } from './turnstile.ts';

const password = 'marmalade-otter-57';
const cheap = () => createPasswordHasher({ atOnce: 2, memoryKib: 8 });

test('a password opens its own hash and no other password does', async () => {
  const hasher = cheap();
  const stored = await hasher.hash(password);
  assert.match(stored, /^\$argon2id\$v=19\$m=8,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.equal(await hasher.verify(password, stored), true);
  assert.equal(await hasher.verify(`${password} `, stored), false);
  assert.equal(await hasher.verify('', stored), false);
});

test('two hashes of one password differ, for their salts do', async () => {
  const hasher = cheap();
  assert.notEqual(await hasher.hash(password), await hasher.hash(password));
});

test('without a setting the cost is that of OWASP: 19 MiB, two passes, one lane', async () => {
  const hasher = createPasswordHasher({ atOnce: 1 });
  const stored = await hasher.hash(password);
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.equal(hasher.needsRehash(stored), false);
});

// Made by the reference implementation (libargon2 20190702, `echo -n password | argon2 somesalt -id …`), its test vectors in test.c.
for (const stored of [
  '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
  '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc',
]) {
  test(`a hash of the reference implementation is verified with its own parameters: ${stored.slice(0, 34)}`, async () => {
    const hasher = cheap();
    assert.equal(await hasher.verify('password', stored), true);
    assert.equal(await hasher.verify('passwore', stored), false);
    assert.equal(hasher.needsRehash(stored), true);
  });
}

test('the same password typed in composed and decomposed letters is the same', async () => {
  const hasher = cheap();
  const stored = await hasher.hash('caf\u00e9 au lait caf\u00e9');
  assert.equal(await hasher.verify('cafe\u0301 au lait cafe\u0301', stored), true);
});

const salt = 'c29tZXNhbHRzb21lc2FsdA';
const hash = 'A'.repeat(43);
for (const [why, stored] of [
  ['is empty', ''],
  ['is not a hash', 'password'],
  ['is bcrypt', '$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz0123456'],
  ['is Argon2i', `$argon2i$v=19$m=8,t=2,p=1$${salt}$${hash}`],
  ['is of version 1.0', `$argon2id$v=16$m=8,t=2,p=1$${salt}$${hash}`],
  ['asks for a terabyte', `$argon2id$v=19$m=1000000000,t=2,p=1$${salt}$${hash}`],
  ['asks for a million passes', `$argon2id$v=19$m=8,t=1000000,p=1$${salt}$${hash}`],
  ['asks for a hundred lanes', `$argon2id$v=19$m=8000,t=1,p=100$${salt}$${hash}`],
  ['has less memory than its lanes need', `$argon2id$v=19$m=8,t=1,p=4$${salt}$${hash}`],
  ['has no salt', `$argon2id$v=19$m=8,t=2,p=1$$${hash}`],
  ['has a tag of three bytes', `$argon2id$v=19$m=8,t=2,p=1$${salt}$AAAA`],
  ['has more behind its end', `$argon2id$v=19$m=8,t=2,p=1$${salt}$${hash}$x`],
  ['has negative memory', `$argon2id$v=19$m=-8,t=2,p=1$${salt}$${hash}`],
] as const) {
  test(`a stored string that ${why} opens for nobody and must be made anew`, async () => {
    const hasher = cheap();
    assert.equal(await hasher.verify(password, stored), false);
    assert.equal(hasher.needsRehash(stored), true);
  });
}

test('a hash of another cost asks for a new one, still opens, and the new one does not ask again', async () => {
  const old = await createPasswordHasher({ atOnce: 1, memoryKib: 8 }).hash(password);
  const hasher = createPasswordHasher({ atOnce: 1, memoryKib: 64 });
  assert.equal(await hasher.verify(password, old), true);
  assert.equal(hasher.needsRehash(old), true);
  assert.equal(hasher.needsRehash(await hasher.hash(password)), false);
});

test('an unknown user costs what a known one costs, and is never right', async (t) => {
  const hasher = createPasswordHasher({ atOnce: 1 });
  const stored = await hasher.hash(password);
  // Times would tell of the machine: what is asked of argon2 decides them.
  const real = crypto.argon2;
  const asked: object[] = [];
  const spy = t.mock.method(crypto, 'argon2', (...args: Parameters<typeof real>) => {
    const [algorithm, { memory, passes, parallelism, tagLength }] = args;
    asked.push({ algorithm, memory, passes, parallelism, tagLength });
    real(...args);
  });
  t.after(() => {
    spy.mock.restore();
    syncBuiltinESMExports();
  });
  syncBuiltinESMExports();
  assert.equal(await hasher.verify('wrong-password-1', stored), false);
  assert.equal(await hasher.dummyVerify('wrong-password-1'), false);
  assert.equal(asked.length, 2);
  assert.deepEqual(asked[1], asked[0]);
});

test('with 2 at work and 64 waiting the next is refused with 429, and all others are answered', async () => {
  const hasher = cheap();
  const stored = await hasher.hash(password);
  const all = await Promise.allSettled(Array.from({ length: 70 }, () => hasher.verify(password, stored)));
  const refused = all.filter((one) => one.status === 'rejected');
  assert.equal(refused.length, 4);
  for (const { reason } of refused) {
    assert.ok(reason instanceof AppError);
    assert.equal(reason.status, 429);
    assert.equal(reason.retryAfterSeconds, 2);
  }
  assert.equal(all.filter((one) => one.status === 'fulfilled' && one.value).length, 66);
  assert.equal(await hasher.verify(password, stored), true, 'the queue is free again');
});

test('the turnstile never lets more than its width in, keeps the order, and survives a failure', async () => {
  const enter = createTurnstile(2, 10);
  let inside = 0;
  let most = 0;
  const order: number[] = [];
  const work = (n: number) =>
    enter(async () => {
      inside += 1;
      most = Math.max(most, inside);
      order.push(n);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
      if (n === 1) throw new Error('failed');
      return n;
    });
  const all = await Promise.allSettled([0, 1, 2, 3, 4, 5, 6].map(work));
  assert.equal(most, 2);
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(
    all.map((one) => one.status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'],
  );
  assert.equal(await work(7), 7);
});
