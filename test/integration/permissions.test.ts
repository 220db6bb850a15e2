import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { type Permission, permissions, rolePermissions, roles } from '#domain/actor.ts';
import { permissionsPage } from '#http/permissions-page.ts';
import { goodPassword, openAccessWorld } from '../support/access-world.ts';

const nothingHere = '01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10';
const bodies: Record<string, unknown> = {
  '/api/v1/users': { email: 'new@example.org', role: 'viewer', password: 'harbour-violet-seven-98' },
  '/api/v1/users/:id': { name: 'Nobody' },
  '/api/v1/tokens': { name: 'x', scopes: ['forms:read'] },
  '/api/v1/auth/password': { current: 'not-the-password', new: 'harbour-violet-seven-98' },
  '/api/v1/auth/login': { email: 'x', password: 'x' },
  '/api/v1/auth/refresh': { refresh_token: 'x' },
};

/** Routes of this part, as the server registered them. */
const ours = (path: string): boolean => /^\/api\/v1\/(auth|users|tokens|audit)(\/|$)/.test(path);

test('every route answers 401 to nobody and to a wrong token, 403 to the roles that lack its permission, neither to the others', async (t) => {
  const world = await openAccessWorld(t);
  const tokens: Record<string, string> = {};
  for (const role of roles) await world.addUser(`${role}@example.org`, role);
  const routes = world.server.accessTable.filter(({ path }) => ours(path));
  assert.equal(routes.length, 13);
  for (const { method, path, access } of routes) {
    // A login for each route: one of them is the logout.
    for (const role of roles) tokens[role] = (await world.signIn(`${role}@example.org`)).access_token;
    const body = method === 'POST' || method === 'PATCH' ? bodies[path] : undefined;
    const target = path
      .replace('/api/v1', '')
      .replace(':id', `${path.includes('users') ? 'usr' : 'tok'}_${nothingHere}`);
    const ask = (token?: string) => world.call(method, target, { token, body });
    const asked = `${method} ${path}`;
    if (access === 'public') {
      assert.equal(bodies[path] !== undefined && [401].includes((await ask()).status), true, asked);
      continue;
    }
    assert.equal((await ask()).status, 401, asked);
    assert.equal((await ask('x.y.z')).status, 401, asked);
    for (const role of roles) {
      const { status } = await ask(tokens[role]);
      if (access === 'signed-in' || rolePermissions[role].includes(access)) {
        assert.ok(status !== 401 && status !== 403, `${asked} as ${role}: ${status}`);
      } else {
        assert.equal(status, 403, `${asked} as ${role}`);
      }
    }
  }
});

test('the permissions page shows every role and permission as the code has them, and every route of this part', async (t) => {
  const world = await openAccessWorld(t);
  const page = await readFile(new URL('../../docs/reference/permissions.md', import.meta.url), 'utf8');
  const routes = world.server.accessTable.filter(({ path }) => ours(path));
  const lines = permissionsPage(routes).split('\n');
  for (const line of lines) assert.ok(page.includes(`${line}\n`), `not in docs/reference/permissions.md: ${line}`);
  // And nothing that is gone.
  const written = page.split('\n');
  const documented = written.filter((line) => /^\| `[a-z]+:[a-z]+` \|/.test(line)).map((line) => line.split('`')[1]);
  assert.deepEqual(documented, [...permissions]);
  const rows = written.flatMap((line) => /^\| ([A-Z]+) \| `(\/[^`]*)` \|/.exec(line)?.slice(1).join(' ') ?? []);
  const existing = routes.map(({ method, path }) => `${method} ${path}`).toSorted();
  assert.deepEqual(rows.filter((row) => ours(row.split(' ')[1]!)).toSorted(), existing);
});

test('the last active administrator can be neither disabled nor demoted; with a second one that works', async (t) => {
  const world = await openAccessWorld(t);
  const id = await world.addUser('admin@example.org', 'admin');
  const other = await world.addUser('second@example.org', 'admin');
  const { access_token: token } = await world.signIn('admin@example.org');
  const patch = (whom: string, body: object) => world.call('PATCH', `/users/${whom}`, { token, body });
  assert.equal((await patch(other, { status: 'disabled' })).status, 200);
  for (const body of [{ status: 'disabled' }, { role: 'viewer' }, { role: 'viewer', status: 'disabled' }]) {
    const answer = await patch(id, body);
    assert.equal(answer.status, 409);
    assert.equal(answer.body.code, 'conflict');
  }
  assert.equal((await patch(id, { name: 'Ada' })).body.name, 'Ada');
  assert.equal((await patch(id, { name: null })).body.name, null);
  assert.equal((await patch(other, { status: 'active' })).status, 200);
  assert.equal((await patch(id, { role: 'viewer' })).status, 200);
  assert.equal((await patch(id, { role: 'admin' })).status, 403);
});

test('two administrators who demote each other at the same moment leave at least one', async (t) => {
  const world = await openAccessWorld(t);
  const operator = { actor: { kind: 'operator', id: 'test' } } as const;
  for (let round = 0; round < 10; round++) {
    const a = await world.addUser(`a${round}@example.org`, 'admin');
    const b = await world.addUser(`b${round}@example.org`, 'admin');
    if (round === 0) continue;
    for (const { doc } of (await world.users.list({ limit: 1000, role: 'admin' })).items) {
      if (doc.id !== a && doc.id !== b && doc.status === 'active') {
        await world.users.update(operator, doc.id, { role: 'viewer' });
      }
    }
    await Promise.allSettled([
      world.users.update(operator, a, { role: 'viewer' }),
      world.users.update(operator, b, { status: 'disabled' }),
    ]);
    const admins = (await world.users.list({ limit: 1000, role: 'admin' })).items;
    assert.ok(admins.filter(({ doc }) => doc.status === 'active').length >= 1, `round ${round}`);
  }
});

test('users are kept under a lower-cased unique address and never shown with a hash', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('admin@example.org', 'admin');
  const { access_token: token } = await world.signIn('admin@example.org');
  const add = (body: object) => world.call('POST', '/users', { token, body });
  const made = await add({ email: 'Bea@Example.org', name: 'Bea', role: 'analyst', password: goodPassword });
  assert.equal(made.status, 201);
  assert.equal(made.headers.get('location'), `/api/v1/users/${made.body.id}`);
  assert.deepEqual(Object.keys(made.body), ['id', 'email', 'name', 'role', 'status', 'created_at', 'updated_at']);
  assert.equal(made.body.email, 'bea@example.org');
  assert.equal(
    (await add({ email: 'BEA@example.org', role: 'viewer', password: goodPassword })).body.code,
    'already-exists',
  );
  for (const password of ['short', '123456789012', 'cy@example.org', 'passwordpassword']) {
    const refused = await add({ email: 'cy@example.org', role: 'viewer', password });
    assert.equal(refused.status, 422, password);
    assert.equal(refused.body.errors[0].pointer, '/password');
  }
  assert.equal((await add({ email: 'no address', role: 'viewer', password: goodPassword })).status, 400);
  const read = await world.call('GET', `/users/${made.body.id}`, { token });
  assert.deepEqual(read.body, made.body);
  assert.equal((await world.call('GET', `/users/usr_${nothingHere}`, { token })).status, 404);
  assert.equal((await world.call('PATCH', `/users/${made.body.id}`, { token, body: {} })).status, 400);

  const first = await world.call('GET', '/users?limit=1', { token });
  assert.equal(first.body.items[0].id, made.body.id);
  const second = await world.call('GET', `/users?limit=1&cursor=${first.body.next_cursor}`, { token });
  assert.equal(second.body.items[0].email, 'admin@example.org');
  assert.equal(second.body.next_cursor, null);
  const analysts = await world.call('GET', '/users?role=analyst', { token });
  assert.equal(analysts.body.items.length, 1);
  assert.doesNotMatch(JSON.stringify([made.body, read.body, first.body, analysts.body]), /argon2|hash"/i);
});

test('an API token may do what its scopes say, is shown once, and dies when it is revoked or expires', async (t) => {
  const world = await openAccessWorld(t);
  await world.addUser('admin@example.org', 'admin');
  const { access_token: token } = await world.signIn('admin@example.org');
  const make = (body: object) => world.call('POST', '/tokens', { token, body });
  const made = await make({ name: 'reader', scopes: ['audit:read', 'users:manage'], expires_in_days: 7 });
  assert.equal(made.status, 201);
  const key: string = made.body.token;
  assert.match(key, /^fst_[0-9a-f-]{36}_[A-Za-z0-9_-]{43}$/);
  assert.equal((await world.call('GET', '/audit', { token: key })).status, 200);
  assert.equal((await world.call('GET', '/tokens', { token: key })).status, 403);
  const me = await world.call('GET', '/auth/me', { token: key });
  assert.deepEqual(me.body, { kind: 'token', id: made.body.id, permissions: ['audit:read', 'users:manage'] });
  for (const path of ['/auth/logout', '/auth/password']) {
    const body = path === '/auth/password' ? { current: goodPassword, new: goodPassword } : undefined;
    assert.equal((await world.call('POST', path, { token: key, body })).status, 403);
  }
  const changed = `${key.slice(0, -2)}${key.endsWith('AA') ? 'BB' : 'AA'}`;
  assert.equal((await world.call('GET', '/audit', { token: changed })).status, 401);

  const list = await world.call('GET', '/tokens', { token });
  assert.equal(list.body.items.length, 1);
  assert.equal(list.body.items[0].token, undefined);
  assert.doesNotMatch(JSON.stringify(list.body), /hash"|fst_/);

  const kept = (await make({ name: 'kept', scopes: ['audit:read'] })).body.token;
  const gone = await make({ name: 'gone', scopes: ['audit:read'] });
  assert.equal((await world.call('DELETE', `/tokens/${gone.body.id}`, { token })).status, 204);
  assert.equal((await world.call('DELETE', `/tokens/${gone.body.id}`, { token })).status, 204);
  assert.equal((await world.call('DELETE', `/tokens/tok_${nothingHere}`, { token })).status, 404);
  assert.equal((await world.call('GET', '/audit', { token: gone.body.token })).status, 401);
  assert.equal((await world.call('GET', '/tokens?status=revoked', { token })).body.items.length, 1);

  world.clock.advance(8 * 86_400_000);
  assert.equal((await world.call('GET', '/audit', { token: key })).status, 401);
  assert.equal((await world.call('GET', '/audit', { token: kept })).status, 200);
});

test('nobody gives what they do not have: no scopes beyond the maker, no user that may do more', async (t) => {
  const world = await openAccessWorld(t);
  const id = await world.addUser('admin@example.org', 'admin');
  const viewer = await world.addUser('viewer@example.org', 'viewer');
  const { access_token: admin } = await world.signIn('admin@example.org');
  const scopes: Permission[] = ['tokens:manage', 'users:manage', 'forms:read', 'analytics:read'];
  const { token } = (await world.call('POST', '/tokens', { token: admin, body: { name: 'x', scopes } })).body;
  const make = (wished: string[]) => world.call('POST', '/tokens', { token, body: { name: 'y', scopes: wished } });
  assert.equal((await make(['forms:read'])).status, 201);
  assert.equal((await make(['forms:write'])).status, 403);
  assert.equal((await make(['forms:read', 'audit:read'])).status, 403);
  assert.equal((await make(['tokens:manage'])).status, 403);

  const add = (role: string) =>
    world.call('POST', '/users', { token, body: { email: `${role}2@example.org`, role, password: goodPassword } });
  assert.equal((await add('viewer')).status, 201);
  assert.equal((await add('editor')).status, 403);
  assert.equal((await add('admin')).status, 403);
  const patch = (whom: string, body: object) => world.call('PATCH', `/users/${whom}`, { token, body });
  assert.equal((await patch(viewer, { role: 'admin' })).status, 403);
  assert.equal((await patch(id, { password: 'harbour-violet-seven-98' })).status, 403);
  assert.equal((await patch(id, { role: 'viewer' })).status, 403);
  assert.equal((await patch(id, { status: 'disabled' })).status, 403);
  assert.equal((await patch(viewer, { name: 'V' })).status, 200);
});

test('an API token shrinks and dies with its maker', async (t) => {
  const world = await openAccessWorld(t);
  const operator = { actor: { kind: 'operator', id: 'test' } } as const;
  await world.addUser('first@example.org', 'admin');
  const id = await world.addUser('admin@example.org', 'admin');
  const { access_token: admin } = await world.signIn('admin@example.org');
  const make = (token: string, scopes: string[]) =>
    world.call('POST', '/tokens', { token, body: { name: 'x', scopes } });
  const parent = (await make(admin, ['tokens:manage', 'forms:read', 'audit:read'])).body;
  const child = (await make(parent.token, ['forms:read', 'audit:read'])).body;
  const may = async (token: string) => (await world.call('GET', '/auth/me', { token })).body.permissions;
  assert.deepEqual(await may(child.token), ['forms:read', 'audit:read']);
  await world.users.update(operator, id, { role: 'viewer' });
  assert.deepEqual(await may(parent.token), ['forms:read']);
  assert.deepEqual(await may(child.token), ['forms:read']);
  assert.equal((await world.call('GET', '/audit', { token: child.token })).status, 403);
  await world.users.update(operator, id, { status: 'disabled' });
  assert.equal((await world.call('GET', '/auth/me', { token: child.token })).status, 401);
  await world.users.update(operator, id, { status: 'active' });
  await world.apiTokens.revoke(operator, parent.id);
  assert.equal((await world.call('GET', '/auth/me', { token: child.token })).status, 401);
});

test('the first administrator is made once, and never again', async (t) => {
  const world = await openAccessWorld(t);
  await assert.rejects(world.users.ensureAdmin({ email: 'admin@example.org', password: 'password1234' }), {
    code: 'value-refused',
  });
  const made = await world.users.ensureAdmin({ email: 'Admin@example.org' });
  assert.ok(made.created && made.generatedPassword);
  assert.equal(made.generatedPassword.length, 24);
  assert.equal((await world.login('admin@example.org', made.generatedPassword)).status, 200);
  const again = await world.users.ensureAdmin({ email: 'admin@example.org', password: 'harbour-violet-seven-98' });
  assert.deepEqual(again, { created: false });
  assert.equal((await world.login('admin@example.org', 'harbour-violet-seven-98')).status, 401);
  assert.equal((await world.login('admin@example.org', made.generatedPassword)).status, 200);
  assert.deepEqual(await world.users.ensureAdmin({ email: 'another@example.org' }), { created: false });
});

test('several processes that start at once make one administrator', async (t) => {
  const world = await openAccessWorld(t);
  const made = await Promise.all(
    Array.from({ length: 5 }, () => world.users.ensureAdmin({ email: 'admin@example.org' })),
  );
  assert.equal(made.filter(({ created }) => created).length, 1);
  assert.equal((await world.users.list({ limit: 10 })).items.length, 1);
});
