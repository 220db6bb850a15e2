import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, type TestContext, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { directory, formstead, send, served, started, unmeasured } from '../support/command-line.ts';
import { eventually, request, testEnvironment, tokenOf } from '../support/program.ts';
import { stackFor } from '../support/stack-settings.ts';
import { type UsedInstallation, usedInstallation } from '../support/used-installation.ts';

/** One for all tests: each works on a copy. */
let used: Promise<UsedInstallation> | undefined;
const origin = mkdtempSync(join(tmpdir(), 'formstead-move-'));
after(() => rmSync(origin, { recursive: true, force: true }));

/** A copy of the used installation, and the environment of a stack that nobody uses yet; undefined, and the test skipped, without services. */
async function place(t: TestContext) {
  const env = stackFor(t, { FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8' });
  if (env === undefined) return undefined;
  used ??= usedInstallation(t, origin, 450);
  const installation = await used;
  const from = join(directory(t), 'data');
  cpSync(origin, from, { recursive: true });
  const secret = readFileSync(join(from, 'secret.key'), 'utf8').trim();
  env.FORMSTEAD_SECRET_KEY = secret;
  const client = new MongoClient(env.MONGODB_URL!);
  t.after(() => client.close());
  const embedded = { ...installation.env, FORMSTEAD_DATA_DIR: from };
  const move = (more: Record<string, string> = {}) => formstead(['move', '--from', from], { ...env, ...more });
  return { installation, from, embedded, env, db: client.db(), move, secret };
}

/** Everything that reading it tells, by path; what a list holds is in the order of ids, since two things of one instant may change places. */
async function told(url: string, { token, form }: UsedInstallation): Promise<Map<string, unknown>> {
  const answers = new Map<string, unknown>();
  const get = async (path: string) => {
    const { status, body, text } = await request(url, 'GET', path, { token });
    assert.equal(status, 200, `${path}: ${text}`);
    if (Array.isArray(body.items)) body.items.sort((a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1));
    delete body.as_of;
    answers.set(path, body);
    return body;
  };
  const of = async (list: string, ...below: string[]) => {
    for (const { id } of (await get(`/${list}?limit=1000`)).items)
      for (const one of below) await get(`/${list}/${id}${one}`);
  };
  for (const path of ['', '/versions', '/public', '/examples', '/intelligence', '/analytics'])
    await get(`/forms/${form}${path}`);
  await of('forms', '');
  await of('webhook-endpoints', '', '/deliveries?limit=1000');
  await of('exports', '', '/download');
  await of('users', '');
  for (const path of ['/tokens', '/tasks', '/dead-letters', '/audit']) await get(`${path}?limit=1000`);
  const { items } = await get(`/forms/${form}/responses?limit=1000`);
  await get(`/forms/${form}/responses?limit=1000&q=refund`);
  await get(`/forms/${form}/responses?limit=1000&label=billing`);
  for (const { id, task_id = `tsk_${id.slice(4)}` } of items.slice(0, 20)) {
    await get(`/responses/${id}`);
    await get(`/tasks/${task_id}`);
  }
  return answers;
}

async function ended(server: Awaited<ReturnType<typeof served>>): Promise<void> {
  server.signal('SIGTERM');
  assert.equal((await server.gone).code, 0);
}

test('an embedded installation that was moved into the stack answers as before, and goes on where it was', async (t) => {
  const world = await place(t);
  if (world === undefined) return;
  const { installation, from, embedded, env, db, move } = world;
  const { form, keyed, forgottenKey, running, dead } = installation;
  const before = await served(t, embedded, ['--no-workers']);
  const expected = await told(before.url, installation);
  const ofForm = (url: string, below = '', headers = {}) =>
    request(url, 'GET', `/forms/${form}${below}`, { token: installation.token, headers });
  const etag = (await ofForm(before.url)).headers.get('etag')!;
  const { next_cursor: cursor } = (await ofForm(before.url, '/responses?limit=10')).body;
  const inUse = await move();
  assert.deepEqual([inUse.code, inUse.stdout], [1, '']);
  assert.match(inUse.stderr, /Another Formstead server is using the data directory .* Stop it first/);
  await ended(before);

  const wrong = await move({ FORMSTEAD_SECRET_KEY: 'not the one that the installation has used' });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /secret\.key is not the one of the stack.*FORMSTEAD_SECRET_KEY_PREVIOUS/);
  assert.deepEqual(await db.listCollections().toArray(), [], 'nothing was written');
  assert.ok(!existsSync(join(from, 'moved.json')));

  // What questions were answered from, and an answer that was being sent.
  const temporary = ['fresh', 'answers'].map((area) => join(from, 'blobs', area));
  for (const folder of temporary) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'left.ndjson'), '{}\n');
  }
  const moved = await move();
  assert.deepEqual([moved.code, moved.stderr], [0, ''], moved.stdout);
  assert.match(moved.stdout, /^response +450 +450 +[0-9a-f]{12} +same$/m);
  // Two exports and a head, and the head before it if the kill came between the new one's file and the removal of the old.
  assert.match(moved.stdout, /^file +([34]) +\1 +[0-9a-f]{12} +same$/m);
  assert.match(moved.stdout, /^verify: ok: 450 receipts = 450 responses/m);

  const areas = readdirSync(join(env.FORMSTEAD_DATA_DIR!, 'blobs'));
  assert.ok(areas.includes('exports') && !areas.includes('fresh') && !areas.includes('answers'), areas.join());

  const server = await served(t, env);
  const actual = await told(server.url, installation);
  for (const [path, body] of expected) assert.deepEqual(actual.get(path), body, path);

  // What a client or a person still has in hand.
  assert.equal((await ofForm(server.url, '', { 'if-none-match': etag })).status, 304);
  const oldCursor = await ofForm(server.url, `/responses?limit=10&cursor=${cursor}`);
  assert.equal(oldCursor.body.code, 'bad-cursor', 'a place in the list of another store');
  const post = (key: string, body: object) =>
    request(server.url, 'POST', `/forms/${form}/responses`, { body, headers: { 'idempotency-key': key } });
  const replayed = await post(keyed.key, keyed.body);
  assert.deepEqual([replayed.status, replayed.body], [202, keyed.answer]);
  assert.equal((await post(keyed.key, { answers: { message: 'another' } })).body.code, 'idempotency-key-reused');
  const fresh = await post(forgottenKey.key, forgottenKey.body);
  assert.equal(fresh.status, 202);
  assert.notEqual(fresh.body.response_id, forgottenKey.responseId, 'a forgotten key stays forgotten');
  assert.ok(await tokenOf(server.url, { email: 'eve@example.org', password: 'lantern-orbit-meadow-42' }));
  const refreshed = await request(server.url, 'POST', '/auth/refresh', {
    body: { refresh_token: installation.refreshToken },
  });
  assert.equal(refreshed.status, 200, refreshed.text);

  // What was under way is taken up, what was dead waits for a person.
  installation.answerAll();
  const worker = started(t, ['worker', '--queue', 'high-priority', 'default', 'batched'], env);
  const task = async (id: string) => {
    let cursor = '';
    do {
      const path = `/tasks?limit=1000${cursor}`;
      const { items, next_cursor } = (await request(server.url, 'GET', path, { token: installation.token })).body;
      const found = items.find((one: { id: string }) => one.id === id);
      if (found) return found;
      cursor = next_cursor === null ? '' : `&cursor=${next_cursor}`;
    } while (cursor !== '');
    return undefined;
  };
  const done = await eventually(async () => {
    const found = await task(running);
    return found.status === 'succeeded' && found;
  }, 60_000);
  assert.equal(done.attempts, 2, 'the attempt that was killed counts');
  assert.equal((await task(dead)).status, 'failed');
  const verdict = await eventually(async () => {
    const { stdout } = await formstead(['verify', '--json'], env);
    const found = JSON.parse(stdout);
    return found.pending === 0 && found;
  }, 60_000);
  assert.deepEqual([verdict.problems, verdict.responses], [[], 451]);
  assert.equal(verdict.chains, (expected.size > 0 ? 1 : 0) + 1, 'a new chain that names the newest link');
  worker.kill('SIGTERM');

  const again = await move();
  assert.equal(again.code, 1);
  assert.match(again.stderr, /The move was finished on .*, and source and target differ: .*nothing was written/);
  const back = await formstead(['serve'], embedded);
  assert.equal(back.code, 78);
  assert.match(back.stderr, /was moved into the stack/);
  assert.equal((await formstead(['verify'], embedded)).code, 0, 'looking is allowed');
});

test('a move that is killed anywhere goes on, and nothing is there twice', async (t) => {
  const world = await place(t);
  if (world === undefined) return;
  const { from, env, db, move } = world;
  const record = () =>
    db.collection<{ _id: string; reached: Record<string, number> }>('moves').findOne({ _id: 'move' });
  const points: [string, (reached: Record<string, number>) => boolean][] = [
    // The source is told after the target. In between it may be served still: nothing was copied yet.
    ['begun', () => existsSync(join(from, 'moved.json'))],
    ['after the forms', (reached) => (reached.form ?? 0) > 0],
    ['among the responses', (reached) => (reached.response ?? 0) > 0],
    ['further on', (reached) => (reached.response ?? 0) >= 400],
    ['among the tasks', (reached) => (reached.task ?? 0) > 0],
    ['while comparing', (reached) => (reached.audit ?? 0) > 0],
  ];
  for (const [name, isThere] of points) {
    const child = started(t, ['move', '--from', from], { ...env, ...unmeasured });
    await eventually(async () => {
      const found = await record();
      return found !== null && isThere(found.reached);
    }, 60_000);
    child.kill('SIGKILL');
    const { code, stderr } = await child.gone;
    assert.deepEqual([code, stderr], [null, ''], `it was killed: ${name}`);
    const early = await formstead(['serve'], env);
    assert.equal(early.code, 78);
    assert.match(early.stderr, /being moved into this database, and that is not finished/);
    const stay = await formstead(['serve'], world.embedded);
    assert.match(stay.stderr, /has begun and is not finished/);
  }
  const moved = await move();
  assert.deepEqual([moved.code, moved.stderr], [0, ''], moved.stdout);
  assert.match(moved.stdout, /^response +450 +450 /m);
  const twice = await move();
  assert.deepEqual([twice.code, twice.stderr], [0, '']);
  assert.match(twice.stdout, /already; nothing was written, and both are still the same/);
});

test('a target that holds something else is refused, and one that was changed meanwhile is not called the same', async (t) => {
  const world = await place(t);
  if (world === undefined) return;
  const { from, env, db, move } = world;
  await db.collection<{ _id: string }>('users').insertOne({ _id: 'usr_of-another' });
  const inUse = await move();
  assert.deepEqual([inUse.code, inUse.stdout], [1, '']);
  assert.match(inUse.stderr, /is in use already: its collection users is not empty/);
  assert.deepEqual(
    (await db.listCollections().toArray()).map(({ name }) => name),
    ['users'],
  );
  await db.collection('users').drop();

  const child = started(t, ['move', '--from', from], { ...env, ...unmeasured });
  await eventually(async () => (await db.collection('tasks').countDocuments()) > 0, 60_000);
  child.kill('SIGKILL');
  await child.gone;
  await db.collection('forms').updateOne({ slug: { $exists: false }, status: 'archived' }, { $set: { revision: 77 } });
  const changed = await move();
  assert.equal(changed.code, 1);
  assert.match(changed.stdout, /^form +2 +2 +[0-9a-f]{12} +DIFFERS [0-9a-f]{12}$/m);
  assert.match(changed.stderr, /not finished: source and target differ: form\./);

  const other = directory(t);
  await ended(await served(t, testEnvironment(other, { FORMSTEAD_SECRET_KEY: world.secret })));
  const stranger = await formstead(['move', '--from', other], env);
  assert.equal(stranger.code, 1);
  assert.match(stranger.stderr, /belongs to another installation/);
  const nothing = await formstead(['move', '--from', directory(t)], env);
  assert.match(nothing.stderr, /There is no Formstead database in/);
});

test('a former secret key will do, and faults that were there before are told and moved', async (t) => {
  const world = await place(t);
  if (world === undefined) return;
  const { from, env, move, secret } = world;
  const database = new DatabaseSync(join(from, 'formstead.sqlite'));
  const tampered = database.prepare("UPDATE responses SET answers = '{}' WHERE n = 7").run();
  database.close();
  assert.equal(Number(tampered.changes), 1);
  const rotated = {
    FORMSTEAD_SECRET_KEY: 'the one that comes after the rotation',
    FORMSTEAD_SECRET_KEY_PREVIOUS: secret,
  };
  const moved = await move(rotated);
  assert.equal(moved.code, 1);
  assert.match(moved.stderr, /the answers are not the ones that were acknowledged/);
  assert.match(moved.stderr, /Everything was moved as it is, but it does not add up, neither here nor in .* before/);
  const server = await served(t, { ...env, ...rotated });
  assert.ok(await tokenOf(server.url, { email: 'eve@example.org', password: 'lantern-orbit-meadow-42' }));
  const answer = await send(server.url, world.installation.form, 'as always');
  assert.equal(answer.status, 202);
});
