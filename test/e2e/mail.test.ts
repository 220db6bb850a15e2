import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { recipientKey } from '../../src/domain/mail/address.ts';
import { type Answer, eventually, startTestProgram, type TestProgram } from '../support/program.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { startSmtpServer, type Taken } from '../support/smtp-server.ts';

let program: TestProgram;
let smtp: Awaited<ReturnType<typeof startSmtpServer>>;
const ends: (() => unknown)[] = [];

const definition = {
  elements: [
    { type: 'comment', name: 'message', title: 'Your message' },
    { type: 'text', name: 'code', title: 'Door code', inputType: 'password' },
  ],
};
const label = (name: string, ...examples: string[]) => ({ name, examples });
const intelligence = {
  text: ['message'],
  classify: {
    labels: [
      label(
        'Billing',
        'I was charged twice',
        'the invoice is wrong',
        'refund my payment please',
        'my card was charged',
      ),
      label('Technical', 'the app crashes', 'I cannot log in', 'the page does not load', 'error when I press save'),
    ],
  },
  extract: { fields: [{ name: 'mail', type: 'email' }] },
  respond: { instructions: 'Thank the person.' },
};

before(async () => {
  smtp = await startSmtpServer({ after: (end) => ends.push(end as () => unknown) });
  program = await startTestProgram({
    FORMSTEAD_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
    FORMSTEAD_MAIL_FROM: 'forms@forms.example.org',
    FORMSTEAD_SMTP_TIMEOUT: '3s',
    FORMSTEAD_PUBLIC_URL: 'https://forms.example.org/',
  });
});
after(async () => {
  await program.stop();
  for (const end of ends) await end();
});
afterEach(() => {
  smtp.taken.length = 0;
});

const call = (method: string, path: string, body?: unknown) => program.call(method, path, { body });
const problem = ({ status, body }: Answer) => `${status} ${body.code}`;
const notifying = (notify_emails: string[], more: object = {}) =>
  program.publish({ title: 'Contact', definition, settings: { notify_emails, ...more } });
/** The messages about a response. */
const about = (id: string): Taken[] => smtp.taken.filter((mail) => mail.header('message-id')!.startsWith(`<${id}.`));
const mails = (id: string, count: number): Promise<Taken[]> =>
  eventually(async () => about(id).length >= count && about(id));
const sendTask = (responseId: string, address: string) => `tsk_${responseId.slice(4)}:email-${recipientKey(address)}`;
const taskOf = async (id: string) => (await call('GET', `/tasks/${id}`)).body;
/** Once the fan-out has made it and it is in that state. */
const taskIn = (id: string, status: string) =>
  eventually(async () => {
    const task = await taskOf(id);
    return task.status === status && task;
  });

test('a response is told of to each address, under an id that follows from response and recipient', async () => {
  const form = await notifying(['ada@example.org', 'grace@example.org']);
  const { response_id: id } = await program.accepted(form, {
    message: 'Hello\r\nBcc: eve@example.org',
    code: 'hush-4711',
  });
  const taken = await mails(id, 2);
  for (const address of ['ada@example.org', 'grace@example.org']) {
    const mail = taken.find(({ to }) => to === address)!;
    assert.equal(mail.header('message-id'), `<${id}.${recipientKey(address)}@forms.example.org>`);
    assert.equal(mail.header('subject'), 'Contact: new response');
    assert.equal(mail.header('auto-submitted'), 'auto-generated');
    assert.equal(mail.header('list-id'), `<${form.replace('_', '-')}.formstead.forms.example.org>`);
    assert.equal(mail.header('bcc'), undefined);
    assert.match(mail.text, /Your message:\n {2}Hello\n {2}Bcc: eve@example\.org/);
    assert.ok(mail.text.includes(`https://forms.example.org/api/v1/responses/${id}`));
    for (const part of [mail.text, mail.html]) assert.ok(!part.includes('hush'), 'a password is not sent');
    assert.ok(!/<img|<link|src=|url\(/i.test(mail.html), 'nothing is fetched');
  }
  assert.equal((await taskIn(sendTask(id, 'ada@example.org'), 'succeeded')).result.outcome, 'sent');
  assert.deepEqual((await program.verify()).problems, []);
});

test('a form that asks for understanding is told of once it is understood: label, fields, draft', async () => {
  const form = await program.publish({
    title: 'פנייה חדשה 📨',
    definition,
    intelligence,
    settings: { notify_emails: ['ada@example.org'] },
  });
  await eventually(async () => {
    const { items } = (await call('GET', '/tasks?limit=200')).body;
    return items.some(
      (task: { kind: string; status: string }) => task.kind === 'train-head' && task.status === 'succeeded',
    );
  });
  const { response_id: id, task_id: task } = await program.accepted(form, {
    message: 'My card was charged twice, the invoice is wrong. Write to <b>joan@example.com</b>',
  });
  await program.finished(task);
  const [mail] = await mails(id, 1);
  const response = (await call('GET', `/responses/${id}`)).body;
  const subject = response.label ?? 'please look at a response';
  assert.equal(mail!.header('subject'), `\u2068פנייה חדשה 📨\u2069: ${subject}`);
  assert.match(mail!.text, /mail: joan@example\.com/);
  assert.ok(mail!.text.includes(response.intelligence.respond.text.split('\n')[0]));
  assert.ok(mail!.html.includes('&lt;b&gt;joan@example.com&lt;/b&gt;'));
  await call('POST', `/responses/${id}/reprocess`);
  await eventually(async () => {
    const { steps } = await taskOf(task);
    const again = steps.filter((step: { name: string }) => step.name === 'understand-response');
    return again.length === 2 && steps.every(({ status }: { status: string }) => status === 'succeeded');
  });
  assert.equal(about(id).length, 1, 'a response that is read again is not told of again');
});

test('a response whose understanding is cancelled is told of all the same', async () => {
  await program.restart({}, ['default']);
  const form = await program.publish({ definition, intelligence, settings: { notify_emails: ['ada@example.org'] } });
  const { response_id: id, task_id: task } = await program.accepted(form, { message: 'Nobody reads this' });
  assert.equal((await call('POST', `/tasks/${task}/cancel`)).status, 202);
  const [mail] = await mails(id, 1);
  assert.equal(mail!.header('subject'), 'Test form: please look at a response');
  assert.match(mail!.text, /not read: its task failed or was cancelled/);
  await program.restart({}, ['high-priority', 'default', 'batched']);
});

test('while the server is away messages wait, cost no attempt, and arrive when it is back', async () => {
  const form = await notifying(['ada@example.org']);
  await smtp.kill();
  const { response_id: id } = await program.accepted(form, { message: 'into the dark' });
  const waiting = await taskIn(sendTask(id, 'ada@example.org'), 'retrying');
  assert.equal(waiting.error.code, 'mail-server-away');
  assert.equal(waiting.steps[0].attempts, 0);
  await smtp.start();
  const [mail] = await mails(id, 1);
  assert.equal(mail!.header('message-id'), `<${id}.${recipientKey('ada@example.org')}@forms.example.org>`);
});

test('what the server refuses for good is a dead letter that says why, beside a message that arrives', async () => {
  const form = await notifying(['refuse@example.org', 'ada@example.org']);
  const { response_id: id } = await program.accepted(form, { message: 'hello' });
  const dead = await taskIn(sendTask(id, 'refuse@example.org'), 'failed');
  assert.deepEqual(dead.error, { code: 'mail-refused', detail: 'SMTP 550: 550 5.1.1 no such mailbox' });
  await mails(id, 1);
  const letters = (await call('GET', '/dead-letters')).body.items;
  assert.ok(letters.some((letter: { id: string }) => letter.id === sendTask(id, 'refuse@example.org')));
});

test('only an administrator sets, changes or removes who is told; an editor may change the rest', async () => {
  const form = await notifying(['ada@example.org']);
  const token = await program.signIn('editor');
  const { body: read } = await program.call('GET', `/forms/${form}`, { token });
  const draft = { title: 'Changed', slug: read.slug === form ? undefined : read.slug, definition };
  const put = (settings: unknown) =>
    program.call('PUT', `/forms/${form}`, { token, headers: { 'if-match': '*' }, body: { ...draft, settings } });
  for (const [settings, key] of [
    [undefined, 'notify_emails'],
    [{ notify_emails: ['eve@example.org'] }, 'notify_emails'],
    [{ ...read.settings, notify: { send: 'digest' } }, 'notify'],
  ] as const) {
    const answer = await put(settings);
    assert.equal(problem(answer), '403 forbidden');
    assert.equal(answer.body.errors[0].pointer, `/settings/${key}`);
    assert.ok(answer.body.detail.includes(`settings.${key}`));
  }
  const made = await program.call('POST', '/forms', {
    token,
    body: { title: 'x', definition, settings: { notify_emails: ['eve@example.org'] } },
  });
  assert.equal(problem(made), '403 forbidden');
  assert.equal((await put(read.settings)).status, 200, 'as it was read');
  const audit = (await call('GET', '/audit?limit=50')).body.items;
  const created = audit.find(
    (entry: { subject: string; action: string }) => entry.subject === form && entry.action === 'form.create',
  );
  assert.deepEqual(created.details, { notify_emails: 1, notify: 'each' });
});

test('addresses that are none, and more than twenty, are refused', async () => {
  const put = (notify_emails: unknown) =>
    call('POST', '/forms', { title: 'x', definition, settings: { notify_emails } });
  const many = Array.from({ length: 21 }, (_, nth) => `reader-${nth}@example.org`);
  for (const bad of [
    ['ada'],
    ['ada@example.org\r\nBcc: eve@example.org'],
    ['Ada <ada@example.org>'],
    [''],
    many,
    'ada@example.org',
  ])
    assert.equal(problem(await put(bad)), '400 malformed-body', JSON.stringify(bad));
  assert.equal((await put(many.slice(1))).status, 201);
  const how = await call('POST', '/forms', {
    title: 'x',
    definition,
    settings: { notify: { send: 'digest', hour: 24 } },
  });
  assert.equal(problem(how), '400 malformed-body');
});

test('a digest waits for the end of its window, one task for all responses of it', async () => {
  const form = await notifying(['ada@example.org'], { notify: { send: 'digest', every: 'hour' } });
  await program.accepted(form, { message: 'one' });
  await program.accepted(form, { message: 'two' });
  const { items } = (await call('GET', '/tasks?limit=1000&status=pending')).body;
  const digests = items.filter((task: { id: string }) => task.id.startsWith(`tsk_${form.slice(4)}:digest-`));
  // Two where the hour has just turned in between.
  assert.ok(digests.length === 1 || digests.length === 2, JSON.stringify(digests));
});

test('the summary of yesterday goes at its time to those whom the settings name', async () => {
  // The first full minute that the program will have been running before.
  const tick = new Date(Math.ceil((Date.now() + 10_000) / 60_000) * 60_000);
  await program.restart({
    FORMSTEAD_MAIL_SUMMARY_TO: 'boss@example.org',
    FORMSTEAD_MAIL_SUMMARY_AT: tick.toISOString().slice(11, 16),
  });
  const day = new Date(tick.getTime() - 86_400_000).toISOString().slice(0, 10);
  const idOf = (told: string) => `<summary.${told}.${recipientKey('boss@example.org')}@forms.example.org>`;
  const taken = (told: string) =>
    eventually(async () => smtp.taken.find((one) => one.header('message-id') === idOf(told)), 100_000);
  // Its hour of today is still to come: the start makes up the one of yesterday, of the day before that.
  await taken(new Date(tick.getTime() - 2 * 86_400_000).toISOString().slice(0, 10));
  const mail = await taken(day);
  assert.equal(mail.header('to'), 'boss@example.org');
  assert.equal(mail.header('subject'), `Formstead ${day}: nothing came`);
  assert.match(mail.html, /<svg [^>]*role="img" aria-label="Responses per day/);
  await program.restart({ FORMSTEAD_MAIL_SUMMARY_TO: '' });
});

test('health says whether mail is set up, and whether the server is being left alone', async () => {
  const { body } = await call('GET', '/health/detailed');
  assert.deepEqual(body.checks.mail.detail, { configured: true, breaker: 'closed' });
});

test('with TLS and a login the same program sends the same message', async (t) => {
  const tls = selfSignedCertificate({
    names: ['localhost'],
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
  });
  const login = { user: 'formstead', password: 'correct horse' };
  const secure = await startSmtpServer(t, { secure: true, tls, login });
  const file = (name: string, text: string) => {
    writeFileSync(join(program.dir, name), text);
    return join(program.dir, name);
  };
  await program.restart({
    FORMSTEAD_SMTP_URL: `smtps://localhost:${secure.port}`,
    FORMSTEAD_SMTP_CA_FILE: file('smtp-ca.pem', tls.cert),
    FORMSTEAD_SMTP_USER: login.user,
    FORMSTEAD_SMTP_PASSWORD_FILE: file('smtp-password', `${login.password}\n`),
  });
  await program.accepted(await notifying(['ada@example.org']), { message: 'hello' });
  const [mail] = await eventually(async () => secure.taken.length > 0 && secure.taken);
  assert.deepEqual([mail!.tls, mail!.user], [true, 'formstead']);
});

test('without a server a form cannot name addresses, and nothing else changes', async () => {
  const off = Object.fromEntries(
    ['URL', 'CA_FILE', 'USER', 'PASSWORD_FILE'].map((name) => [`FORMSTEAD_SMTP_${name}`, '']),
  );
  await program.restart({ ...off, FORMSTEAD_MAIL_FROM: '' });
  const answer = await call('POST', '/forms', {
    title: 'x',
    definition,
    settings: { notify_emails: ['ada@example.org'] },
  });
  assert.equal(problem(answer), '422 value-refused');
  assert.equal(answer.body.errors[0].pointer, '/settings/notify_emails');
  assert.match(answer.body.errors[0].detail, /FORMSTEAD_SMTP_URL/);
  assert.equal((await program.send(await program.publish({ definition }), { message: 'hello' })).status, 202);
  const { body } = await call('GET', '/health/detailed');
  assert.deepEqual([body.checks.mail.ok, body.checks.mail.detail], [true, { configured: false }]);
});
