import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { createKeyRing } from '../../src/adapters/keyring-node/key-ring.ts';
import { createAccessTokens } from '../../src/adapters/tokens-jose/access-tokens.ts';
import { type Answer, dayMs, goodPassword, openAccessWorld } from '../support/access-world.ts';

const newPassword = 'harbour-violet-seven-98';

/** What an answer tells: all but what differs between any two (request id, date, port). */
function told({ status, headers, body }: Answer): unknown {
  const { request_id: _, ...rest } = body;
  const names = [...headers.keys()].filter((name) => !['date', 'x-request-id'].includes(name));
  return { status, body: rest, headers: names.map((name) => [name, headers.get(name)]) };
}

const part = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url');

test('a login answers a bearer pair, whatever the letter case of the address', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('Ada@Example.org', 'editor');
  const { status, body } = await world.login(' aDA@example.ORG ');
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(body), ['access_token', 'token_type', 'expires_in', 'refresh_token']);
  assert.equal(body.token_type, 'Bearer');
  assert.equal(body.expires_in, 3600);
  const me = await world.call('GET', '/auth/me', { token: body.access_token });
  assert.equal(me.status, 200);
  assert.equal(me.body.email, 'ada@example.org');
  assert.equal(me.body.role, 'editor');
  assert.deepEqual(me.body.permissions, ['forms:read', 'forms:write', 'analytics:read', 'tasks:read']);
});

test('unknown account, wrong password and disabled user get the same answer after the same work', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('admin@example.org', 'admin');
  await world.addUser('ada@example.org', 'viewer');
  const disabled = await world.addUser('off@example.org', 'viewer');
  await world.users.update({ actor: { kind: 'operator', id: 'test' } }, disabled, { status: 'disabled' });
  const before = { ...world.checks };
  const wrong = await world.login('ada@example.org', 'not-the-password');
  const unknown = await world.login('nobody@example.org', 'not-the-password');
  const off = await world.login('off@example.org', goodPassword);
  assert.equal(wrong.status, 401);
  assert.equal(wrong.body.code, 'login-failed');
  assert.deepEqual(told(unknown), told(wrong));
  assert.deepEqual(told(off), told(wrong));
  // One Argon2 each: the known ones by `verify`, the unknown one by its stand-in.
  assert.equal(world.checks.verify - before.verify, 2);
  assert.equal(world.checks.dummyVerify - before.dummyVerify, 1);
});

test('operator objects, arrays, numbers, missing and unknown keys are a 400 before anything is looked up', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'admin');
  const { access_token: token } = await world.signIn('ada@example.org');
  const bodies: [string, unknown][] = [
    ['/auth/login', { email: { $ne: null }, password: { $ne: null } }],
    ['/auth/login', { email: 'ada@example.org', password: { $gt: '' } }],
    ['/auth/login', { email: ['ada@example.org'], password: goodPassword }],
    ['/auth/login', { email: 'ada@example.org', password: 1 }],
    ['/auth/login', { email: 'ada@example.org' }],
    ['/auth/login', { email: 'ada@example.org', password: goodPassword, admin: true }],
    ['/auth/login', { email: 'ada@example.org', password: 'x'.repeat(1025) }],
    ['/auth/refresh', { refresh_token: { $regex: '.*' } }],
    ['/auth/password', { current: { $ne: 1 }, new: newPassword }],
    ['/users', { email: { $gt: '' }, role: 'viewer', password: newPassword }],
    ['/users', { email: 'b@example.org', role: { $ne: 'viewer' }, password: newPassword }],
    ['/users', { email: 'b@example.org', role: 'root', password: newPassword }],
    ['/users', { email: 'b@example.org', role: 'viewer', password: newPassword, passwordHash: 'x' }],
    ['/tokens', { name: 'x', scopes: ['*'] }],
    ['/tokens', { name: 'x', scopes: { $in: ['forms:read'] } }],
  ];
  const { checks } = world;
  const before = { ...checks };
  for (const [path, body] of bodies) {
    const answer = await world.call('POST', path, { token, body });
    assert.equal(answer.status, 400, `${path} ${JSON.stringify(body).slice(0, 80)}`);
    assert.equal(answer.body.code, 'malformed-body');
  }
  assert.deepEqual(checks, before);
});

test('expired, forged, unsigned and foreign tokens, and a refresh token in their place, are a 401', async (t) => {
  const world = await openAccessWorld(t);
  const userId = await world.addUser('ada@example.org', 'viewer');
  const pair = await world.signIn('ada@example.org');
  const [head, payload, signature] = pair.access_token.split('.') as [string, string, string];
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const header = JSON.parse(Buffer.from(head, 'base64url').toString());
  const signedBy = (key: string, h: object, p: object) => {
    const text = `${part(h)}.${part(p)}`;
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
  };
  const stranger = createAccessTokens({
    keyRing: createKeyRing({ current: 'another-secret-another-secret-anot' }),
    clock: world.clock,
    lifeSeconds: 3600,
  });
  const foreign = await stranger.issue({ userId, sessionId: claims.sid, role: 'admin' });
  const bad = {
    'role raised': `${head}.${part({ ...claims, role: 'admin' })}.${signature}`,
    'alg none': `${part({ ...header, alg: 'none' })}.${payload}.`,
    'alg none with a signature': `${part({ ...header, alg: 'none' })}.${payload}.${signature}`,
    'signed by a guessed key': signedBy('secret', header, claims),
    'signed by an empty key': signedBy('', header, claims),
    'signed by another installation': foreign.token,
    'no signature': `${head}.${payload}`,
    'refresh token': pair.refresh_token,
    garbage: 'x',
    'api token that is none': `fst_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10_${'A'.repeat(43)}`,
  };
  for (const [what, token] of Object.entries(bad)) {
    const answer = await world.call('GET', '/auth/me', { token });
    assert.equal(answer.status, 401, what);
    assert.equal(answer.body.code, 'unauthenticated', what);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/, what);
  }
  assert.equal((await world.call('GET', '/auth/me')).status, 401);
  assert.equal((await world.call('GET', '/auth/me', { token: pair.access_token })).status, 200);
  world.clock.advance(3_601_000);
  assert.equal((await world.call('GET', '/auth/me', { token: pair.access_token })).status, 401);
});

test('a token for one user does not open with the session of another', async (t) => {
  const world = await openAccessWorld(t);
  const admin = await world.addUser('admin@example.org', 'admin');
  await world.addUser('ada@example.org', 'viewer');
  const { access_token } = await world.signIn('ada@example.org');
  const { sid } = JSON.parse(Buffer.from(access_token.split('.')[1]!, 'base64url').toString());
  const tokens = createAccessTokens({ keyRing: world.keyRing, clock: world.clock, lifeSeconds: 60 });
  const mixed = await tokens.issue({ userId: admin, sessionId: sid, role: 'admin' });
  assert.equal((await world.call('GET', '/auth/me', { token: mixed.token })).status, 401);
});

test('logout ends the access and the refresh token of this login at once, and no other', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  const [here, there] = [await world.signIn('ada@example.org'), await world.signIn('ada@example.org')];
  assert.equal((await world.call('POST', '/auth/logout', { token: here.access_token })).status, 204);
  assert.equal((await world.call('GET', '/auth/me', { token: here.access_token })).status, 401);
  assert.equal((await world.refresh(here.refresh_token)).status, 401);
  assert.equal((await world.call('GET', '/auth/me', { token: there.access_token })).status, 200);
});

test('changing my password ends every login I have, gives me a new one, and the old password is gone', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  const [here, there] = [await world.signIn('ada@example.org'), await world.signIn('ada@example.org')];
  const change = (body: object) => world.call('POST', '/auth/password', { token: here.access_token, body });

  const wrong = await change({ current: 'not-the-password', new: newPassword });
  assert.equal(wrong.status, 422);
  assert.equal(wrong.body.errors[0].pointer, '/current');
  const weak = await change({ current: goodPassword, new: 'password1234' });
  assert.equal(weak.status, 422);
  assert.equal(weak.body.errors[0].pointer, '/new');
  assert.equal((await world.call('GET', '/auth/me', { token: there.access_token })).status, 200);

  const done = await change({ current: goodPassword, new: newPassword });
  assert.equal(done.status, 200);
  for (const old of [here, there]) {
    assert.equal((await world.call('GET', '/auth/me', { token: old.access_token })).status, 401);
    assert.equal((await world.refresh(old.refresh_token)).body.code, 'refresh-refused');
  }
  assert.equal((await world.call('GET', '/auth/me', { token: done.body.access_token })).status, 200);
  assert.equal((await world.login('ada@example.org', goodPassword)).status, 401);
  assert.equal((await world.login('ada@example.org', newPassword)).status, 200);
});

test('a login that is being checked while the password changes does not survive the change', async (t) => {
  const world = await openAccessWorld(t);
  const id = await world.addUser('ada@example.org', 'viewer');
  const operator = { actor: { kind: 'operator', id: 'test' } } as const;
  const outcomes = await Promise.all([
    ...Array.from({ length: 10 }, () => world.login('ada@example.org')),
    world.users.update(operator, id, { password: newPassword }),
  ]);
  for (const outcome of outcomes) {
    if (!('status' in outcome) || outcome.status !== 200) continue;
    const { access_token: token } = outcome.body;
    assert.equal((await world.call('GET', '/auth/me', { token })).status, 401);
  }
});

test('the row of the user alone ends its logins, though the process is killed before it has marked the sessions', async (t) => {
  const world = await openAccessWorld(t);
  const id = await world.addUser('ada@example.org', 'viewer');
  for (const change of [{ tokensValidFrom: world.clock.now() + 60_000 }, { status: 'disabled' }] as const) {
    const pair = await world.signIn('ada@example.org');
    const { doc, revision } = (await world.storage.get('user', id))!;
    assert.equal((await world.call('GET', '/auth/me', { token: pair.access_token })).status, 200);
    await world.storage.commit({
      change: { op: 'update', kind: 'user', doc: { ...doc, ...change }, expect: revision },
    });
    assert.equal((await world.call('GET', '/auth/me', { token: pair.access_token })).status, 401);
    assert.equal((await world.refresh(pair.refresh_token)).status, 401);
    // tokensValidFrom lies ahead, as after a clock that has stepped back: a new login holds all the same.
  }
});

test('disabling a user, a password set by an administrator and another role count from the next request on', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('admin@example.org', 'admin');
  const id = await world.addUser('ada@example.org', 'viewer');
  const { access_token: admin } = await world.signIn('admin@example.org');
  const patch = (body: object) => world.call('PATCH', `/users/${id}`, { token: admin, body });
  const first = await world.signIn('ada@example.org');
  const asked = () => world.call('GET', '/users', { token: first.access_token });
  assert.equal((await asked()).status, 403);
  assert.equal((await patch({ role: 'admin' })).status, 200);
  assert.equal((await asked()).status, 200);
  assert.equal((await patch({ role: 'viewer' })).status, 200);
  assert.equal((await asked()).status, 403);

  assert.equal((await patch({ password: newPassword })).status, 200);
  assert.equal((await asked()).status, 401);
  assert.equal((await world.refresh(first.refresh_token)).status, 401);

  const second = await world.signIn('ada@example.org', newPassword);
  assert.equal((await patch({ status: 'disabled' })).status, 200);
  assert.equal((await world.call('GET', '/auth/me', { token: second.access_token })).status, 401);
  assert.equal((await world.refresh(second.refresh_token)).status, 401);
  assert.equal((await world.login('ada@example.org', newPassword)).status, 401);
  assert.equal((await patch({ status: 'active' })).status, 200);
  assert.equal((await world.call('GET', '/auth/me', { token: second.access_token })).status, 401);
  assert.equal((await world.login('ada@example.org', newPassword)).status, 200);
});

test('a refresh token is good once; using an older one ends the whole login and is in the audit log', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  const first = await world.signIn('ada@example.org');
  const second = (await world.refresh(first.refresh_token)).body;
  const third = (await world.refresh(second.refresh_token)).body;
  assert.equal(new Set([first.refresh_token, second.refresh_token, third.refresh_token]).size, 3);
  assert.equal((await world.call('GET', '/auth/me', { token: third.access_token })).status, 200);

  const reused = await world.refresh(first.refresh_token);
  assert.equal(reused.status, 401);
  assert.equal(reused.body.code, 'refresh-refused');
  assert.equal((await world.refresh(third.refresh_token)).status, 401);
  for (const { access_token: token } of [first, second, third]) {
    assert.equal((await world.call('GET', '/auth/me', { token })).status, 401);
  }
  assert.equal((await world.actions()).filter((action) => action === 'session.reuse').length, 1);
});

test('of ten equal refreshes at once at most one succeeds, and the login is over', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  const { refresh_token } = await world.signIn('ada@example.org');
  const answers = await Promise.all(Array.from({ length: 10 }, () => world.refresh(refresh_token)));
  const won = answers.filter(({ status }) => status === 200);
  assert.equal(won.length, 1);
  assert.equal(answers.filter(({ status }) => status === 401).length, 9);
  assert.equal((await world.call('GET', '/auth/me', { token: won[0]!.body.access_token })).status, 401);
});

test('a made-up refresh token with a true session id is refused and ends nothing', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  const [one, two] = [await world.signIn('ada@example.org'), await world.signIn('ada@example.org')];
  const [sessionId, rest = ''] = one.refresh_token.split('.');
  const [, otherRest] = two.refresh_token.split('.');
  for (const madeUp of [
    `${sessionId}.${'A'.repeat(86)}`,
    `${sessionId}.${otherRest}`,
    `${sessionId}.`,
    `${sessionId}.${rest}x`,
    rest,
  ]) {
    assert.notEqual((await world.refresh(madeUp)).status, 200);
  }
  assert.equal((await world.refresh(one.refresh_token)).status, 200);
  assert.equal((await world.refresh(two.refresh_token)).status, 200);
});

test('the store holds no token and no password, only hashes of them', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'admin');
  const { access_token, refresh_token } = await world.signIn('ada@example.org');
  const made = await world.call('POST', '/tokens', {
    token: access_token,
    body: { name: 'x', scopes: ['forms:read'] },
  });
  const docs = JSON.stringify([
    await world.storage.list('user', { limit: 10 }),
    await world.storage.list('session', { limit: 10 }),
    await world.storage.list('token', { limit: 10 }),
    await world.storage.audit.list({ limit: 100 }),
  ]);
  const [, refreshSecret = ''] = refresh_token.split('.');
  for (const hidden of [
    goodPassword,
    refreshSecret.slice(0, 43),
    refreshSecret.slice(43),
    made.body.token.slice(-43),
  ]) {
    assert.equal(docs.includes(hidden), false);
  }
});

test('a login lives 30 days from its last refresh, and 90 days in all', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('ada@example.org', 'viewer');
  let pair = await world.signIn('ada@example.org');
  const left = await world.signIn('ada@example.org');
  for (let days = 0; days < 87; days += 29) {
    world.clock.advance(29 * dayMs);
    const answer = await world.refresh(pair.refresh_token);
    assert.equal(answer.status, 200, `after ${days + 29} days`);
    pair = answer.body;
  }
  assert.equal((await world.refresh(left.refresh_token)).status, 401);
  world.clock.advance(3 * dayMs + 1000);
  assert.equal((await world.refresh(pair.refresh_token)).status, 401);
});

test('a login with a password hashed by other parameters hashes it again', async (t) => {
  const world = await openAccessWorld(t);
  const id = await world.addUser('ada@example.org', 'viewer');
  const { createPasswordHasher } = await import('../../src/adapters/passwords-argon2/password-hasher.ts');
  const user = (await world.storage.get('user', id))!;
  const old = await createPasswordHasher({ atOnce: 1, memoryKib: 32 }).hash(goodPassword);
  const doc = { ...user.doc, passwordHash: old };
  await world.storage.commit({ change: { op: 'update', kind: 'user', doc, expect: user.revision } });
  const { access_token: token } = await world.signIn('ada@example.org');
  assert.match((await world.storage.get('user', id))!.doc.passwordHash, /m=64,/);
  assert.equal((await world.call('GET', '/auth/me', { token })).status, 200);
  assert.equal((await world.login('ada@example.org')).status, 200);
});
