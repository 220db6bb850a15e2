import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, startTestProgram, type TestProgram } from '../support/program.ts';

let program: TestProgram;
let form: string;

const definition = {
  elements: [
    { type: 'text', name: 'name', isRequired: true },
    { type: 'boolean', name: 'wants_reply' },
    { type: 'text', name: 'email', visibleIf: '{wants_reply} = true', isRequired: true },
    { type: 'checkbox', name: 'topics', choices: ['billing', 'delivery', 3] },
    { type: 'comment', name: 'message', maxLength: 100_000 },
  ],
};
const formPost = { 'content-type': 'application/x-www-form-urlencoded' };

before(async () => {
  program = await startTestProgram();
  form = await program.publish({ definition, slug: 'contact' });
});
after(() => program.stop());

const problem = ({ status, body }: Answer) => `${status} ${body.code}`;
const stored = async (id = form) => (await program.responses(id)).length;

/** Posts the fields of an HTML form. */
const postFields = (fields: Record<string, string> | [string, string][], headers: Record<string, string> = {}) =>
  program.call('POST', `/forms/${form}/responses`, {
    token: null,
    body: new URLSearchParams(fields).toString(),
    headers: { ...formPost, ...headers },
  });

test('a response is answered with 202, the place of its task, and its receipt', async () => {
  const answer = await program.send(form, { name: 'Ada' });
  assert.equal(answer.status, 202);
  assert.deepEqual(Object.keys(answer.body).sort(), ['form_version', 'receipt', 'response_id', 'status', 'task_id']);
  assert.match(answer.body.response_id, /^rsp_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.match(answer.body.task_id, /^tsk_[0-9a-f-]{36}$/);
  assert.equal(answer.body.form_version, 1);
  assert.equal(answer.body.status, 'accepted');
  assert.deepEqual(Object.keys(answer.body.receipt).sort(), ['chain', 'previous', 'seq', 'sha256']);
  assert.match(answer.body.receipt.sha256, /^[0-9a-f]{64}$/);
  assert.equal(answer.headers.get('location'), `/api/v1/tasks/${answer.body.task_id}`);
  assert.match(answer.headers.get('content-type')!, /^application\/json/);
  assert.equal(answer.headers.get('idempotency-replayed'), null);
  assert.ok(answer.headers.get('x-request-id'));
});

test('the task can be asked for from the moment of the 202 on, and without a token shows nothing of the response', async () => {
  const answer = await program.send(form, { name: 'Ada' });
  const [anonymous, known] = await Promise.all([
    program.call('GET', answer.headers.get('location')!.slice('/api/v1'.length), { token: null }),
    program.call('GET', `/tasks/${answer.body.task_id}`),
  ]);
  assert.equal(anonymous.status, 200);
  assert.deepEqual(Object.keys(anonymous.body).sort(), ['id', 'progress', 'status']);
  assert.equal(anonymous.body.id, answer.body.task_id);
  assert.deepEqual(known.body.webhook, { sent: 0, pending: 0, failed: 0 });
  assert.ok(Array.isArray(known.body.steps));
  const wrong = await program.call('GET', `/tasks/${answer.body.task_id}`, { token: 'not-a-token' });
  assert.deepEqual(Object.keys(wrong.body).sort(), ['id', 'progress', 'status'], 'a wrong token is none');
});

test('receipts are one chain: each names the one before, and its number is the next', async () => {
  const receipts = [];
  for (const name of ['one', 'two', 'three']) receipts.push((await program.send(form, { name })).body.receipt);
  for (const [i, receipt] of receipts.entries()) {
    if (i === 0) continue;
    assert.equal(receipt.chain, receipts[i - 1].chain);
    assert.equal(receipt.seq, receipts[i - 1].seq + 1);
    assert.equal(receipt.previous, receipts[i - 1].sha256);
  }
});

test('the same key and body are stored once and answered with the same body', async () => {
  const headers = { 'idempotency-key': 'first' };
  const answers = { name: 'Ada', message: 'once' };
  const before = await stored();
  const first = await program.send(form, answers, { headers });
  const second = await program.call('POST', `/forms/contact/responses`, {
    token: null,
    headers,
    // The same JSON value, written otherwise, by the slug.
    body: '{ "answers" : {"message":"onc\\u0065", "name":"Ada"} }',
  });
  assert.equal(second.status, 202);
  assert.deepEqual(second.body, first.body);
  assert.equal(first.headers.get('idempotency-replayed'), null);
  assert.equal(second.headers.get('idempotency-replayed'), 'true');
  assert.equal(second.headers.get('location'), first.headers.get('location'));
  assert.equal(await stored(), before + 1);
});

test('the same key with another body is refused, whether that body would be valid or not', async () => {
  const headers = { 'idempotency-key': 'taken' };
  await program.send(form, { name: 'Ada' }, { headers });
  const before = await stored();
  assert.equal(problem(await program.send(form, { name: 'Eve' }, { headers })), '422 idempotency-key-reused');
  assert.equal(problem(await program.send(form, { nobody: 1 }, { headers })), '422 idempotency-key-reused');
  const more = { metadata: { source: 'other' } };
  assert.equal(problem(await program.send(form, { name: 'Ada' }, { headers, more })), '422 idempotency-key-reused');
  assert.equal(await stored(), before);
});

test('a response that was refused does not use its key up', async () => {
  const headers = { 'idempotency-key': 'second try' };
  assert.equal(problem(await program.send(form, {}, { headers })), '422 answers-invalid');
  assert.equal((await program.send(form, { name: 'Ada' }, { headers })).status, 202);
});

test('a key belongs to its form', async () => {
  const other = await program.publish({ definition });
  const headers = { 'idempotency-key': 'shared' };
  const [one, two] = [
    await program.send(form, { name: 'A' }, { headers }),
    await program.send(other, { name: 'B' }, { headers }),
  ];
  assert.deepEqual([one.status, two.status], [202, 202]);
  assert.notEqual(one.body.response_id, two.body.response_id);
});

test('fifty equal posts at once store one response and get one answer', async () => {
  const before = await stored();
  const headers = { 'idempotency-key': 'fifty at once' };
  const all = await Promise.all(Array.from({ length: 50 }, () => program.send(form, { name: 'Ada' }, { headers })));
  assert.deepEqual([...new Set(all.map(({ status }) => status))], [202]);
  assert.equal(new Set(all.map(({ text }) => text)).size, 1);
  assert.equal(all.filter((answer) => answer.headers.get('idempotency-replayed') === 'true').length, 49);
  assert.equal(await stored(), before + 1);
});

test('of fifty different posts at once under one key one is stored and the others are refused', async () => {
  const before = await stored();
  const headers = { 'idempotency-key': 'fifty others' };
  const all = await Promise.all(
    Array.from({ length: 50 }, (_, i) => program.send(form, { name: `n${i}` }, { headers })),
  );
  const kinds = all.map(problem).toSorted();
  assert.equal(kinds.filter((kind) => kind === '422 idempotency-key-reused').length, 49);
  assert.equal(all.filter(({ status }) => status === 202).length, 1);
  assert.equal(await stored(), before + 1);
});

test('fifty posts without a key are fifty responses', async () => {
  const before = await stored();
  const all = await Promise.all(Array.from({ length: 50 }, () => program.send(form, { name: 'Ada' })));
  assert.equal(new Set(all.map(({ body }) => body.response_id)).size, 50);
  assert.equal(new Set(all.map(({ body }) => body.receipt.seq)).size, 50);
  assert.equal(await stored(), before + 50);
});

test('an idempotency key has 1 to 255 printable characters', async () => {
  for (const key of ['', 'k'.repeat(256), 'clé', 'a\tb']) {
    const answer = await program.send(form, { name: 'Ada' }, { headers: { 'idempotency-key': key } });
    assert.equal(problem(answer), '400 malformed-header', JSON.stringify(key));
  }
  const longest = await program.send(form, { name: 'Ada' }, { headers: { 'idempotency-key': 'k'.repeat(255) } });
  assert.equal(longest.status, 202);
});

test('a retry is answered as before after the form has closed, been archived, and after a restart', async () => {
  const id = await program.publish({ definition });
  const headers = { 'idempotency-key': 'patient' };
  const first = await program.send(id, { name: 'Ada' }, { headers });
  const again = async (when: string) => {
    const answer = await program.send(id, { name: 'Ada' }, { headers });
    assert.equal(answer.status, 202, when);
    assert.deepEqual(answer.body, first.body, when);
    assert.equal(answer.headers.get('idempotency-replayed'), 'true', when);
  };
  await program.call('POST', `/forms/${id}/close`);
  await again('closed');
  assert.equal(problem(await program.send(id, { name: 'Eve' })), '409 form-closed');
  await program.restart();
  await again('restarted');
  await program.call('POST', `/forms/${id}/archive`);
  await again('archived');
  assert.equal(problem(await program.send(id, { name: 'Eve' })), '410 form-archived');
  assert.equal(await stored(id), 1);
});

test('the chain of receipts goes on after a restart: the new chain names the head of the one before', async () => {
  const before = (await program.send(form, { name: 'Ada' })).body.receipt;
  await program.restart();
  const next = (await program.send(form, { name: 'Ada' })).body.receipt;
  assert.notEqual(next.chain, before.chain);
  assert.equal(next.seq, 1);
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  assert.notEqual(next.previous, digest(''), 'not a chain out of nowhere');
  assert.equal(next.previous, before.sha256);
});

test('a response is checked against the version it names: an old one, the newest, never one that is not there', async () => {
  const id = await program.publish({ definition });
  const { body, headers } = await program.call('GET', `/forms/${id}`);
  const draft = { title: body.title, definition: { elements: [{ type: 'text', name: 'nickname' }] } };
  await program.call('PUT', `/forms/${id}`, { body: draft, headers: { 'if-match': headers.get('etag')! } });
  await program.call('POST', `/forms/${id}/publish`);

  const post = (answers: object, form_version?: number) => program.send(id, answers, { more: { form_version } });
  assert.equal((await post({ name: 'Ada' }, 1)).body.form_version, 1);
  assert.equal((await post({ nickname: 'A' }, 2)).body.form_version, 2);
  assert.equal((await post({ nickname: 'A' })).body.form_version, 2);
  assert.equal(problem(await post({ name: 'Ada' }, 2)), '422 answers-invalid');
  assert.equal(problem(await post({ name: 'Ada' }, 3)), '404 version-not-found');
  for (const version of [0, -1, 1.5, '1', null, 1e9, [1]]) {
    assert.equal(problem(await post({ name: 'Ada' }, version as number)), '400 malformed-body', String(version));
  }
});

test('a form takes responses only while it is open', async () => {
  const created = await program.call('POST', '/forms', { body: { title: 'A draft', definition } });
  const id = created.body.id;
  assert.equal(problem(await program.send(id, { name: 'Ada' })), '404 form-not-published');
  await program.call('POST', `/forms/${id}/publish`);
  assert.equal((await program.send(id, { name: 'Ada' })).status, 202);
  await program.call('POST', `/forms/${id}/close`);
  assert.equal(problem(await program.send(id, { name: 'Ada' })), '409 form-closed');
  assert.equal(problem(await program.send(id, { wrong: 1 })), '409 form-closed', 'said before the answers are read');
  await program.call('POST', `/forms/${id}/reopen`);
  assert.equal((await program.send(id, { name: 'Ada' })).status, 202);
  await program.call('POST', `/forms/${id}/archive`);
  assert.equal(problem(await program.send(id, { name: 'Ada' })), '410 form-archived');
  assert.equal(await stored(id), 2);
});

test('a form that does not exist is a 404, however it is named', async () => {
  const unknown = [
    'frm_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10',
    'frm_x',
    'no-such-slug',
    '%00',
    '..%2f..',
    "' OR 1=1 --",
  ];
  for (const name of unknown)
    assert.equal(problem(await program.send(name, { name: 'Ada' })), '404 form-not-found', name);
});

test('a form is found by its slug, and no longer by one it has given up', async () => {
  const id = await program.publish({ definition, slug: 'old-name' });
  assert.equal((await program.send('old-name', { name: 'Ada' })).status, 202);
  const { body, headers } = await program.call('GET', `/forms/${id}`);
  const renamed = { title: body.title, definition: body.definition, slug: 'new-name' };
  await program.call('PUT', `/forms/${id}`, { body: renamed, headers: { 'if-match': headers.get('etag')! } });
  assert.equal((await program.send('new-name', { name: 'Ada' })).status, 202);
  assert.equal(problem(await program.send('old-name', { name: 'Ada' })), '404 form-not-found');
});

test('answers to hidden questions are dropped before anything is kept, and do not count for validation', async () => {
  const hidden = await program.accepted(form, { name: 'Ada', wants_reply: false, email: 'secret@example.org' });
  const { body } = await program.call('GET', `/responses/${hidden.response_id}`);
  assert.deepEqual(body.answers, { name: 'Ada', wants_reply: false });
  const shown = await program.accepted(form, { name: 'Ada', wants_reply: true, email: 'a@example.org' });
  assert.equal((await program.call('GET', `/responses/${shown.response_id}`)).body.answers.email, 'a@example.org');
  const missing = await program.send(form, { name: 'Ada', wants_reply: true });
  assert.deepEqual(
    missing.body.errors.map(({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`),
    ['/answers/email required'],
  );
});

test('metadata are a few short texts, kept with the response and shown with it', async () => {
  const metadata = { utm_source: 'mail', 'page.path': '/contact?x=<b>' };
  const { body } = await program.send(form, { name: 'Ada' }, { more: { metadata } });
  assert.deepEqual((await program.call('GET', `/responses/${body.response_id}`)).body.metadata, metadata);
  const most = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key${i}`, 'v'.repeat(500)]));
  assert.equal((await program.send(form, { name: 'Ada' }, { more: { metadata: most } })).status, 202);
  const wrong: unknown[] = [
    { ...most, one_more: 'x' },
    { long: 'v'.repeat(501) },
    { 'a b': 'x' },
    { '': 'x' },
    { ['k'.repeat(65)]: 'x' },
    { number: 1 },
    { nested: { $ne: '' } },
    { nothing: null },
    ['x'],
    'x',
    null,
  ];
  for (const one of wrong) {
    const answer = await program.send(form, { name: 'Ada' }, { more: { metadata: one } });
    assert.equal(problem(answer), '400 malformed-body', JSON.stringify(one)?.slice(0, 60));
    assert.match(answer.body.errors[0].pointer, /^\/metadata/);
  }
});

test('an HTML form post leads to a thank-you page, its fields converted by the types of the questions', async () => {
  const answer = await postFields([
    ['name', 'Ada <b>'],
    ['wants_reply', 'on'],
    ['email', 'a@example.org'],
    ['topics', 'billing'],
    ['topics', '3'],
    ['message', 'two\r\nlines'],
    ['_website', ''],
  ]);
  assert.equal(answer.status, 303);
  const page = await program.call('GET', answer.headers.get('location')!.replace('/api/v1', ''), { token: null });
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type')!, /^text\/html/);
  assert.match(page.text, /Thank you/);
  assert.match(page.headers.get('content-security-policy')!, /default-src 'none'/);
  const [newest] = await program.responses(form);
  assert.deepEqual(newest.answers, {
    name: 'Ada <b>',
    wants_reply: true,
    email: 'a@example.org',
    topics: ['billing', 3],
    message: 'two\nlines',
  });
});

test('an HTML form post can name its version and be repeated under a key', async () => {
  const key = { 'idempotency-key': 'from a page' };
  const before = await stored();
  const [first, second] = [
    await postFields({ name: 'Ada', _form_version: '1' }, key),
    await postFields({ name: 'Ada', _form_version: '1' }, key),
  ];
  assert.deepEqual([first.status, second.status], [303, 303]);
  assert.equal(second.headers.get('idempotency-replayed'), 'true');
  assert.equal(await stored(), before + 1);
  assert.equal(problem(await postFields({ name: 'Ada', _form_version: 'one' })), '400 malformed-body');
  assert.equal(problem(await postFields({ name: 'Ada', _form_version: '9' })), '404 version-not-found');
});

test('a form post that is refused shows a page to a browser and a problem to everybody else', async () => {
  const before = await stored();
  const accept = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  const page = await postFields({ wants_reply: 'on', '<script>alert(1)</script>': 'x' }, accept);
  assert.equal(page.status, 422);
  assert.match(page.headers.get('content-type')!, /^text\/html/);
  assert.match(page.text, /Nothing was kept/);
  assert.match(page.text, /<b>name<\/b>/);
  assert.doesNotMatch(page.text, /<script/);
  assert.ok(page.text.includes(page.headers.get('x-request-id')!), 'the page names the request');
  const problemAnswer = await postFields({ wants_reply: 'on' });
  assert.equal(problem(problemAnswer), '422 answers-invalid');
  assert.equal(problemAnswer.headers.get('content-type'), 'application/problem+json');
  assert.equal(await stored(), before);
});

test('a browser is shown a page too when its form post is too large, of the wrong origin, or to no form', async () => {
  const accept = { accept: 'text/html' };
  const closed = await program.publish({ definition, settings: { allowed_origins: ['https://a.example'] } });
  const post = (id: string, body: string, headers: Record<string, string> = {}) =>
    program.call('POST', `/forms/${id}/responses`, {
      token: null,
      body,
      headers: { ...formPost, ...accept, ...headers },
    });
  const answers = [
    await post(form, `name=Ada&message=${'x'.repeat(300_000)}`),
    await post(closed, 'name=Ada', { origin: 'https://b.example' }),
    await post('nowhere', 'name=Ada'),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [413, 403, 404],
  );
  for (const { headers, text } of answers) {
    assert.match(headers.get('content-type')!, /^text\/html/);
    assert.match(text, /Nothing was kept/);
  }
});

test('who fills in the field that people do not see is refused, and nothing is stored', async () => {
  const before = await stored();
  assert.equal(problem(await postFields({ name: 'Bot', _website: 'https://spam.example' })), '422 honeypot-filled');
  assert.equal(await stored(), before);
});

test('only JSON and plain form posts are taken', async () => {
  const before = await stored();
  const multipart = new FormData();
  multipart.append('name', 'Ada');
  const response = await fetch(`${program.url}/api/v1/forms/${form}/responses`, { method: 'POST', body: multipart });
  assert.equal(response.status, 415);
  assert.equal(((await response.json()) as { code: string }).code, 'unsupported-media-type');
  for (const type of ['text/plain', 'text/json', 'application/xml', 'application/x-ndjson', 'application/jsonp']) {
    const answer = await program.send(form, { name: 'Ada' }, { headers: { 'content-type': type } });
    assert.equal(problem(answer), '415 unsupported-media-type', type);
  }
  assert.equal(await stored(), before);
});

test('pages of the allowed origins may send, those of others may not, and who sends no origin is no page', async () => {
  const origins = ['https://www.example.org', 'http://localhost:3000'];
  const id = await program.publish({ definition, settings: { allowed_origins: origins } });
  const from = (origin: string) => program.send(id, { name: 'Ada' }, { headers: { origin } });
  for (const origin of origins) {
    const answer = await from(origin);
    assert.equal(answer.status, 202);
    assert.equal(answer.headers.get('access-control-allow-origin'), origin);
    assert.match(answer.headers.get('vary') ?? '', /origin/i);
    assert.equal(answer.headers.get('access-control-allow-credentials'), null);
    assert.match(answer.headers.get('access-control-expose-headers')!, /location/);
  }
  for (const origin of [
    'https://evil.example',
    'null',
    'https://www.example.org.evil.example',
    'http://www.example.org',
  ]) {
    const answer = await from(origin);
    assert.equal(problem(answer), '403 origin-refused', origin);
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
  }
  assert.equal((await program.send(id, { name: 'Ada' })).status, 202);
  assert.equal(await stored(id), 3);
});

test('a preflight says what a page may send, and says nothing to pages of other origins', async () => {
  const id = await program.publish({ definition, settings: { allowed_origins: ['https://a.example'] } });
  const preflight = (path: string, origin: string) =>
    program.call('OPTIONS', `/forms/${path}/responses`, {
      token: null,
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,idempotency-key',
      },
    });
  const allowed = await preflight(id, 'https://a.example');
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://a.example');
  assert.match(allowed.headers.get('access-control-allow-methods')!, /POST/);
  assert.match(allowed.headers.get('access-control-allow-headers')!, /idempotency-key/);
  const refused = await preflight(id, 'https://b.example');
  assert.equal(refused.status, 403);
  assert.equal(refused.headers.get('access-control-allow-origin'), null);
  const open = await preflight('contact', 'https://b.example');
  assert.deepEqual(
    [open.status, open.headers.get('access-control-allow-origin')],
    [204, '*'],
    'a form that lists none',
  );
});

test('a page can read the problem it is answered', async () => {
  const answer = await program.send(form, { nobody: 1 }, { headers: { origin: 'https://a.example' } });
  assert.equal(answer.status, 422);
  assert.equal(answer.headers.get('access-control-allow-origin'), '*');
});

test('a body beyond the limit of the installation or of its form is refused, announced or not, and nothing is stored', async () => {
  const small = await program.publish({ definition, settings: { limits: { max_body_bytes: 1000 } } });
  const body = (bytes: number) => JSON.stringify({ answers: { name: 'Ada', message: 'x'.repeat(bytes) } });
  const post = (id: string, text: string) =>
    program.call('POST', `/forms/${id}/responses`, { token: null, body: text });
  assert.equal(problem(await post(form, body(256_001))), '413 body-too-large');
  assert.equal(problem(await post(small, body(1001))), '413 body-too-large');
  assert.equal((await post(small, body(800))).status, 202);

  const streamed = await fetch(`${program.url}/api/v1/forms/${small}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Blob([body(1001)]).stream(),
    duplex: 'half',
  } as RequestInit);
  assert.equal(streamed.status, 413, 'chunked, without a Content-Length');
  assert.equal(await stored(small), 1);
});

test('responses of one address to one form are limited, whatever it claims in X-Forwarded-For', async () => {
  await program.restart({ FORMSTEAD_RATE_LIMIT: 'on', FORMSTEAD_RESPONSES_PER_MINUTE: '5' });
  const [one, strict] = [
    await program.publish({ definition }),
    await program.publish({ definition, settings: { limits: { responses_per_minute: 2 } } }),
  ];
  await roomInTheMinute();
  const from = (id: string, i: number) =>
    program.send(id, { name: 'Ada' }, { headers: { 'x-forwarded-for': `203.0.113.${i}` } });
  for (let i = 0; i < 5; i += 1) assert.equal((await from(one, i)).status, 202);
  const refused = await from(one, 99);
  assert.equal(problem(refused), '429 rate-limited');
  const seconds = Number(refused.headers.get('retry-after'));
  assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, `Retry-After: ${seconds}`);
  for (let i = 0; i < 2; i += 1) assert.equal((await from(strict, i)).status, 202, 'each form has its own count');
  assert.equal(problem(await from(strict, 99)), '429 rate-limited', 'a form may allow less than the installation');
  assert.deepEqual([await stored(one), await stored(strict)], [5, 2]);
});

test('behind a trusted proxy the address it names is the one that is limited', async () => {
  await program.restart({ FORMSTEAD_TRUSTED_PROXIES: '127.0.0.1' });
  const id = await program.publish({ definition, settings: { limits: { responses_per_minute: 1 } } });
  await roomInTheMinute();
  const from = (address: string) => program.send(id, { name: 'Ada' }, { headers: { 'x-forwarded-for': address } });
  assert.equal((await from('203.0.113.1')).status, 202);
  assert.equal(problem(await from('203.0.113.1')), '429 rate-limited');
  assert.equal((await from('203.0.113.2')).status, 202);
  assert.equal(problem(await from('198.51.100.7, 203.0.113.2')), '429 rate-limited', 'only the last hop is believed');
});

test('requests of an address have a limit, and posts of responses another one of the same height', async () => {
  await program.restart({ FORMSTEAD_REQUESTS_PER_MINUTE: '40', FORMSTEAD_RESPONSES_PER_MINUTE: '100' });
  const id = await program.publish({ definition });
  await roomInTheMinute();
  const ask = (from: string) =>
    program.call('GET', `/forms/${id}/public`, { token: null, headers: { 'x-forwarded-for': from } });
  const send = (from: string) => program.send(id, { name: 'Ada' }, { headers: { 'x-forwarded-for': from } });
  for (let i = 0; i < 30; i += 1) assert.equal((await send('203.0.113.9')).status, 202);
  for (let i = 0; i < 40; i += 1) assert.equal((await ask('203.0.113.9')).status, 200);
  const refused = await ask('203.0.113.9');
  assert.equal(problem(refused), '429 rate-limited');
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal((await send('203.0.113.9')).status, 202, 'a page that asked too much may still send');
  assert.equal((await ask('203.0.113.10')).status, 200);
  // Nine more fit; what is malformed counts like the rest.
  const nowhere = (from: string) =>
    program.send('frm_nowhere', { name: 'Ada' }, { headers: { 'x-forwarded-for': from } });
  for (let i = 0; i < 9; i += 1) assert.equal((await nowhere('203.0.113.9')).status, 404);
  assert.equal(problem(await nowhere('203.0.113.9')), '429 rate-limited');
  const health = await program.call('GET', '/health', { token: null, headers: { 'x-forwarded-for': '203.0.113.9' } });
  assert.equal(health.status, 200, 'health is always answered');
});

test('with less free space than the reserve a response is refused with 503 and nothing is stored; what was kept is replayed', async () => {
  const headers = { 'idempotency-key': 'kept before' };
  await program.restart({ FORMSTEAD_RATE_LIMIT: 'off', FORMSTEAD_TRUSTED_PROXIES: '' });
  const id = await program.publish({ definition });
  const first = await program.send(id, { name: 'Ada' }, { headers });
  // No disk of a machine that runs tests has a terabyte to spare.
  await program.restart({ FORMSTEAD_DISK_RESERVE: '1TB' });
  const refused = await program.send(id, { name: 'Eve' });
  assert.equal(problem(refused), '503 disk-nearly-full');
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal((await program.call('GET', '/health/ready', { token: null })).status, 503);
  assert.deepEqual((await program.send(id, { name: 'Ada' }, { headers })).body, first.body);
  assert.equal(await stored(id), 1);
  await program.restart({ FORMSTEAD_DISK_RESERVE: '1MB' });
  assert.equal((await program.send(id, { name: 'Eve' })).status, 202);
});

test('after all of this every receipt has its response, through every chain', async () => {
  const verdict = await program.verify();
  assert.deepEqual(verdict.problems, []);
  const forms = (await program.call('GET', '/forms?limit=1000')).body.items;
  const counts = await Promise.all(forms.map(({ id }: { id: string }) => stored(id)));
  assert.equal(
    verdict.responses,
    counts.reduce((sum, count) => sum + count, 0),
  );
  assert.ok(verdict.chains >= 6, 'one for each start that took responses');
});

/** The limit counts in windows of a minute: a test that begins at the end of one would see two. */
async function roomInTheMinute(): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 3_000) await pause(left + 50);
}
