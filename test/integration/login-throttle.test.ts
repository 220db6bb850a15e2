import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goodPassword, openAccessWorld } from '../support/access-world.ts';

const wrong = 'not-the-password';

test('an account answers 429 with Retry-After after too many failures, whether it exists or not, and opens again', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  const answers: Record<string, unknown[]> = {};
  for (const email of ['ada@example.org', 'nobody@example.org']) {
    const told = [];
    for (let i = 0; i < 6; i++) {
      const { status, headers, body } = await world.login(email, wrong, `198.51.100.${i}`);
      const names = [...headers.keys()].filter((name) => !['date', 'x-request-id'].includes(name));
      const seconds = Number(headers.get('retry-after') ?? 0);
      assert.ok(status === 401 ? seconds === 0 : seconds > 890 && seconds <= 900);
      told.push({ status, code: body.code, title: body.title, keys: Object.keys(body), names });
    }
    answers[email] = told;
  }
  assert.deepEqual(answers['ada@example.org'], answers['nobody@example.org']);
  const codes = (answers['ada@example.org'] as { status: number; code: string }[]).map(({ status }) => status);
  assert.deepEqual(codes, [401, 401, 401, 429, 429, 429]);
  // The right password does not help while the account is closed, and is not even looked at.
  const before = world.checks.verify;
  const closed = await world.login('ada@example.org', goodPassword, '198.51.100.77');
  assert.equal(closed.status, 429);
  assert.equal(closed.body.code, 'login-throttled');
  assert.equal(world.checks.verify, before);
  world.clock.advance(900_001);
  assert.equal((await world.login('ada@example.org', goodPassword, '198.51.100.77')).status, 200);
});

test('a clock that is set back keeps no account closed for longer than its time', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  for (let i = 0; i < 4; i++) await world.login('ada@example.org', wrong, `198.51.100.${i}`);
  assert.equal((await world.login('ada@example.org', goodPassword, '198.51.100.9')).status, 429);
  world.clock.advance(-86_400_000);
  assert.equal((await world.login('ada@example.org', goodPassword, '198.51.100.9')).status, 200);
});

test('strangers cannot lock a person out of the place from which the person signs in', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  const home = '203.0.113.5';
  assert.equal((await world.login('ada@example.org', goodPassword, home)).status, 200);
  for (let i = 0; i < 5; i++) await world.login('ada@example.org', wrong, `198.51.100.${i}`);
  assert.equal((await world.login('ada@example.org', goodPassword, '198.51.100.9')).status, 429);
  assert.equal((await world.login('ada@example.org', goodPassword, home)).status, 200);
  // From there too, guessing ends.
  for (let i = 0; i < 3; i++) assert.equal((await world.login('ada@example.org', wrong, home)).status, 401);
  assert.equal((await world.login('ada@example.org', goodPassword, home)).status, 429);
});

test('who is signed in goes on refreshing while the account is closed', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  const { refresh_token } = await world.signIn('ada@example.org');
  for (let i = 0; i < 5; i++) await world.login('ada@example.org', wrong, `198.51.100.${i}`);
  assert.equal((await world.refresh(refresh_token)).status, 200);
});

test('one network is closed after too many failures at any accounts, and a success in between does not open it', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('mine@example.org', 'viewer');
  const from = '198.51.100.1';
  for (let i = 0; i < 8; i++) {
    assert.equal((await world.login(`person${i}@example.org`, wrong, from)).status, 401);
    if (i < 7) assert.equal((await world.login('mine@example.org', goodPassword, from)).status, 200);
  }
  assert.equal((await world.login('another@example.org', wrong, from)).status, 429);
  assert.equal((await world.login('mine@example.org', goodPassword, from)).status, 429);
  assert.equal((await world.login('mine@example.org', goodPassword, '198.51.100.2')).status, 200);
});

test('all addresses of an IPv6 /64 are one network', async (t) => {
  const world = await openAccessWorld(t);
  for (let i = 0; i < 8; i++) await world.login(`person${i}@example.org`, wrong, `2001:db8:1:2::${i + 1}`);
  assert.equal((await world.login('a@example.org', wrong, '2001:db8:1:2:ffff::1')).status, 429);
  assert.equal((await world.login('a@example.org', wrong, '2001:db8:1:3::1')).status, 401);
});

test('of many guesses at once no more are looked at than the limit allows', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => world.login('ada@example.org', `guess-number-${i}`, `198.51.100.${i}`)),
  );
  assert.equal(answers.filter(({ status }) => status === 401).length, 3);
  assert.equal(answers.filter(({ status }) => status === 429).length, 37);
  assert.equal(world.checks.verify, 3);
});

test('any number of right logins at once is never throttled', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  const answers = await Promise.all(Array.from({ length: 30 }, () => world.login('ada@example.org')));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
});

test('wrong current passwords close the change of a password too', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  const { access_token: token } = await world.signIn('ada@example.org');
  const guess = () =>
    world.call('POST', '/auth/password', { token, body: { current: wrong, new: 'harbour-violet-seven-98' } });
  for (let i = 0; i < 3; i++) assert.equal((await guess()).status, 422);
  const answer = await guess();
  assert.equal(answer.status, 429);
  assert.equal(answer.body.code, 'login-throttled');
});

test('when the cache is away people still get in, and the log says so', async (t) => {
  const away = async () => {
    throw new Error('connection refused');
  };
  const world = await openAccessWorld(t, { cache: { get: away, set: away, hit: away } });
  await world.addUser('ada@example.org', 'viewer');
  assert.equal((await world.login('ada@example.org')).status, 200);
  assert.equal((await world.login('ada@example.org', wrong)).status, 401);
  assert.ok(world.log.lines.some(({ level, message }) => level === 'warn' && message.startsWith('login throttle not')));
});

test('logins are counted by outcome, and the audit log names people and networks by pseudonyms only', async (t) => {
  const world = await openAccessWorld(t);
  const id = await world.addUser('ada@example.org', 'viewer');
  await world.login('ada@example.org');
  for (let i = 0; i < 4; i++) await world.login('nobody@example.org', wrong, '198.51.100.200');
  const { counts } = world.metrics;
  assert.equal(counts.get('formstead_logins_total{outcome=succeeded}'), 1);
  assert.equal(counts.get('formstead_logins_total{outcome=failed}'), 3);
  assert.equal(counts.get('formstead_logins_total{outcome=throttled}'), 1);
  assert.equal(counts.get('formstead_rate_limited_total{limit=login-account}'), 1);
  assert.deepEqual(await world.actions(), [
    'user.create',
    'login.succeed',
    'login.fail',
    'login.fail',
    'login.fail',
    'login.throttle',
  ]);
  const entries = (await world.storage.audit.list({ limit: 100 })).items.map(({ entry }) => entry);
  const text = JSON.stringify(entries);
  for (const plain of ['ada@example.org', 'nobody@example.org', '198.51.100.200', '192.0.2.1']) {
    assert.equal(text.includes(plain), false, plain);
  }
  const succeeded = entries.find(({ action }) => action === 'login.succeed')!;
  assert.equal(succeeded.actor, `user:${id}`);
  assert.equal(succeeded.details?.account, world.keyRing.pseudonym('subjects', 'ada@example.org'));
  const failed = entries.find(({ action }) => action === 'login.fail')!;
  assert.equal(failed.details?.network, world.keyRing.pseudonym('subjects', '198.51.100.200'));
  assert.equal(failed.details?.reason, 'unknown-account');
});
