import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createSmtpMailer, type SmtpOptions } from '#adapters/mail-smtp/smtp-mailer.ts';
import { mailOf } from '#domain/mail/message.ts';
import type { Mailer, MailMessage } from '#ports/mailer.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import type { SmtpSettings } from '../support/smtp-child.ts';
import { startSmtpServer } from '../support/smtp-server.ts';
import { sleep, until } from '../support/task-world.ts';

const day = 86_400_000;
const certificate = (name: string) =>
  selfSignedCertificate({
    names: [name],
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + day),
  });
const forever = new AbortController().signal;

function message(change: Partial<MailMessage> = {}): MailMessage {
  return {
    messageId: '<rsp_1.abc@forms.example.org>',
    to: 'ada@example.org',
    subject: 'A response',
    text: 'Hello\n',
    html: '<p>Hello</p>',
    headers: { 'Auto-Submitted': 'auto-generated' },
    date: Date.UTC(2026, 0, 15, 12),
    ...change,
  };
}

/** A server and a mailer for it; `trusts` is the certificate that the mailer knows. */
async function world(t: TestContext, server: SmtpSettings = {}, options: Partial<SmtpOptions> = {}, trusts?: string) {
  const smtp = await startSmtpServer(t, server);
  const dir = mkdtempSync(join(tmpdir(), 'formstead-mail-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const caFile = trusts === undefined ? undefined : join(dir, 'ca.pem');
  if (caFile !== undefined) writeFileSync(caFile, trusts!);
  const mailer = createSmtpMailer({
    host: 'localhost',
    port: smtp.port,
    security: 'none',
    caFile,
    login: undefined,
    from: 'forms@forms.example.org',
    timeoutMs: 5_000,
    connections: 2,
    ...options,
  });
  t.after(() => mailer.close());
  return { smtp, mailer };
}

const send = (mailer: Mailer, to: string) => mailer.send(message({ to: `${to}@example.org` }), forever);
const brief = (outcome: Awaited<ReturnType<Mailer['send']>>) =>
  'status' in outcome && outcome.status !== undefined ? `${outcome.kind} ${outcome.status}` : outcome.kind;

test('a message arrives as it was given: ids, both parts, headers, one recipient', async (t) => {
  const { smtp, mailer } = await world(t);
  assert.deepEqual(await mailer.send(message(), forever), { kind: 'sent' });
  const [mail] = smtp.taken;
  assert.equal(mail!.to, 'ada@example.org');
  assert.equal(mail!.from, 'forms@forms.example.org');
  assert.equal(mail!.header('message-id'), '<rsp_1.abc@forms.example.org>');
  assert.equal(mail!.header('from'), 'Formstead <forms@forms.example.org>');
  assert.equal(mail!.header('date'), 'Thu, 15 Jan 2026 12:00:00 +0000');
  assert.equal(mail!.header('auto-submitted'), 'auto-generated');
  assert.equal(mail!.text.trim(), 'Hello');
  assert.equal(mail!.html.trim(), '<p>Hello</p>');
});

test('a subject from right to left, with emoji and longer than a line, arrives as it was written', async (t) => {
  const { smtp, mailer } = await world(t);
  const subject = `\u2068طلب جديد من العميل في المدينة\u2069: 👨‍👩‍👧‍👦 émigré ${'ü🏳️‍🌈'.repeat(30)}`;
  await mailer.send(message({ subject }), forever);
  assert.equal(smtp.taken[0]!.header('subject'), subject);
  for (const line of smtp.taken[0]!.raw.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 998, line);
});

test('a line break in a subject or a header adds no header', async (t) => {
  const { smtp, mailer } = await world(t);
  const evil = 'x\r\nBcc: eve@example.org\r\n\r\nbody';
  await mailer.send(message({ subject: evil, headers: { 'List-Id': evil } }), forever);
  assert.equal(smtp.taken.length, 1);
  assert.equal(smtp.taken[0]!.header('bcc'), undefined);
  assert.equal(smtp.taken[0]!.text.trim(), 'Hello');
});

test('with a sender whose domain is not ASCII every header is, and the ids have the domain as the net knows it', async (t) => {
  const from = 'forms@bücher.example';
  const { smtp, mailer } = await world(t, {}, { from });
  const content = { subject: 'A response', text: [], body: [], why: '', list: 'frm_1' };
  const sender = { from, timeZone: 'UTC', publicUrl: undefined };
  const mail = mailOf({ response_id: 'rsp_1' }, 'ada@example.org', sender, 0, content);
  assert.deepEqual(await mailer.send(mail, forever), { kind: 'sent' });
  const headers = smtp.taken[0]!.raw.split('\r\n\r\n')[0]!;
  assert.doesNotMatch(headers, /\P{ASCII}/u);
  assert.match(headers, /^Message-ID: <rsp_1\.[0-9a-f]{16}@xn--bcher-kva\.example>\r$/im);
  assert.match(headers, /^List-Id: <frm-1\.formstead\.xn--bcher-kva\.example>\r$/im);
});

test('with STARTTLS and with TLS from the start the session is encrypted, and the login is in it', async (t) => {
  const tls = certificate('localhost');
  const login = { user: 'formstead', password: 'correct horse' };
  for (const [secure, security] of [
    [false, 'starttls'],
    [true, 'tls'],
  ] as const) {
    const { smtp, mailer } = await world(t, { secure, tls, login }, { security, login }, tls.cert);
    assert.equal((await mailer.check()).kind, 'sent');
    assert.equal(brief(await send(mailer, 'ada')), 'sent', security);
    assert.deepEqual([smtp.taken[0]!.tls, smtp.taken[0]!.user], [true, 'formstead']);
  }
});

test('a server that offers no STARTTLS gets no message where TLS is asked for', async (t) => {
  const { smtp, mailer } = await world(t, {}, { security: 'starttls', login: { user: 'a', password: 'secret' } });
  assert.equal((await send(mailer, 'ada')).kind, 'unreachable');
  assert.deepEqual(smtp.taken, []);
});

test('a certificate of an unknown authority, or of another host, ends the try before anything is said', async (t) => {
  const [own, other] = [certificate('localhost'), certificate('mail.example.org')];
  for (const [shown, trusted] of [
    [own, undefined],
    [own, other.cert],
    [other, other.cert],
  ] as const) {
    const login = { user: 'a', password: 'secret' };
    const { smtp, mailer } = await world(t, { secure: true, tls: shown, login }, { security: 'tls', login }, trusted);
    assert.equal((await send(mailer, 'ada')).kind, 'unreachable');
    assert.equal((await mailer.check()).kind, 'unreachable');
    assert.deepEqual(smtp.taken, []);
  }
});

test('a wrong password, and none where one is asked for, are faults of the settings and not of the message', async (t) => {
  const login = { user: 'formstead', password: 'right' };
  for (const given of [{ user: 'formstead', password: 'not-this-one' }, undefined]) {
    const { mailer } = await world(t, { login }, { login: given });
    const outcome = await send(mailer, 'ada');
    assert.equal(outcome.kind, 'unreachable', JSON.stringify(outcome));
    assert.ok(!JSON.stringify(outcome).includes('not-this-one'), 'no password in the detail');
  }
});

test('a server that refuses the sender, or asks for no login where one is set, is a fault of the settings too', async (t) => {
  const refusing = await world(t, { refusesSender: true });
  assert.equal(brief(await send(refusing.mailer, 'ada')), 'unreachable 553');
  const open = await world(t, {}, { login: { user: 'formstead', password: 'right' } });
  assert.equal((await send(open.mailer, 'ada')).kind, 'unreachable');
  assert.equal((await open.mailer.check()).kind, 'unreachable');
  assert.deepEqual([...refusing.smtp.taken, ...open.smtp.taken], []);
});

test('a connection that the server has closed meanwhile is replaced', async (t) => {
  const { smtp, mailer } = await world(t, { idleMs: 300 });
  for (let nth = 0; nth < 3; nth += 1) {
    assert.equal((await send(mailer, 'ada')).kind, 'sent');
    await sleep(500);
  }
  assert.equal(new Set(smtp.taken.map(({ session }) => session)).size, 3);
});

test('a file of the authority that is not there is told, and read again at the next try', async (t) => {
  const tls = certificate('localhost');
  const dir = mkdtempSync(join(tmpdir(), 'formstead-mail-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const caFile = join(dir, 'late.pem');
  const { mailer } = await world(t, { secure: true, tls }, { security: 'tls', caFile });
  const outcome = await send(mailer, 'ada');
  assert.equal(outcome.kind, 'unreachable');
  assert.match('detail' in outcome ? outcome.detail : '', /late\.pem/);
  writeFileSync(caFile, tls.cert);
  assert.equal((await send(mailer, 'ada')).kind, 'sent');
});

test('what the server says decides: 5xx is for good, 4xx is for later, 421 is the server itself', async (t) => {
  const { mailer } = await world(t);
  const said = async (to: string) => brief(await send(mailer, to));
  assert.equal(await said('refuse'), 'refused 550');
  assert.equal(await said('spam'), 'refused 554');
  assert.equal(await said('later'), 'deferred 451');
  assert.equal(await said('full'), 'deferred 452');
  assert.equal(await said('close'), 'unreachable 421');
  assert.equal(await said('ada'), 'sent', 'the connections are none the worse for it');
});

test('a greylisting server takes the second try, which carries the same Message-ID', async (t) => {
  const { smtp, mailer } = await world(t);
  assert.equal(brief(await send(mailer, 'grey')), 'deferred 451');
  assert.equal(brief(await send(mailer, 'grey')), 'sent');
  assert.equal(smtp.taken[0]!.header('message-id'), message().messageId);
});

test('nobody there, and nobody greeting, is found out within the time limit', async (t) => {
  const { smtp, mailer } = await world(t);
  await smtp.kill();
  assert.equal((await send(mailer, 'ada')).kind, 'unreachable');
  const silent = await world(t, { mute: true }, { timeoutMs: 300 });
  const from = performance.now();
  assert.equal((await send(silent.mailer, 'ada')).kind, 'unreachable');
  assert.ok(performance.now() - from < 2_000);
});

test('a server that hangs in the middle of a message, and one that dies there, may have taken it: interrupted', async (t) => {
  const hanging = await world(t, {}, { timeoutMs: 300 });
  const from = performance.now();
  assert.equal((await send(hanging.mailer, 'hang')).kind, 'interrupted');
  assert.ok(performance.now() - from < 2_000);
  assert.equal((await send(hanging.mailer, 'ada')).kind, 'sent', 'the next message has a connection');

  const dying = await world(t);
  assert.equal((await send(dying.mailer, 'die')).kind, 'interrupted');
  assert.equal((await send(dying.mailer, 'ada')).kind, 'unreachable');
  await dying.smtp.start();
  assert.equal((await send(dying.mailer, 'ada')).kind, 'sent', 'a server that is back is used at once');
});

test('a try that is stopped ends at once and says nothing of the server', async (t) => {
  const { smtp, mailer } = await world(t, {}, { timeoutMs: 20_000 });
  const stop = new AbortController();
  const sending = mailer.send(message({ to: 'hang@example.org' }), stop.signal);
  await until(() => smtp.refused.length > 0);
  stop.abort('shutdown');
  assert.deepEqual(await sending, { kind: 'cancelled' });
  assert.deepEqual(await mailer.send(message(), stop.signal), { kind: 'cancelled' });
});

test('fifty messages at once go over no more connections than allowed, each once', async (t) => {
  const { smtp, mailer } = await world(t);
  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, nth) => send(mailer, `reader-${nth}`)));
  assert.deepEqual([...new Set(outcomes.map(({ kind }) => kind))], ['sent']);
  assert.equal(new Set(smtp.taken.map(({ to }) => to)).size, 50);
  assert.equal(smtp.taken.length, 50);
  assert.equal(new Set(smtp.taken.map(({ session }) => session)).size, 2);
});

test('a message that no connection is free for is busy: a slow server has not heard of it, and is not interrupted', async (t) => {
  // The server answers after 500 ms: the second message waits so long, and the third one gives up.
  const { smtp, mailer } = await world(t, {}, { timeoutMs: 600, connections: 1 });
  const ids = Array.from({ length: 8 }, (_, nth) => `<${nth}@forms.example.org>`);
  const sendSlow = (messageId: string) => mailer.send(message({ messageId, to: 'slow@example.org' }), forever);
  const outcomes = await Promise.all(ids.map(sendSlow));
  const count = (kind: string) => outcomes.filter((outcome) => outcome.kind === kind).length;
  assert.ok(count('busy') >= 5 && count('sent') >= 1, JSON.stringify(outcomes));
  assert.equal(count('busy') + count('sent'), ids.length, JSON.stringify(outcomes));
  const heard = smtp.taken.map((mail) => mail.header('message-id'));
  assert.deepEqual(
    heard.toSorted(),
    ids.filter((_, nth) => outcomes[nth]!.kind === 'sent'),
  );
  assert.equal((await sendSlow('<again@forms.example.org>')).kind, 'sent', 'and the next message has a connection');
});

test('a try that is stopped while it waits for a connection ends at once, and leaves its turn to the next', async (t) => {
  const { smtp, mailer } = await world(t, {}, { connections: 1 });
  const stop = new AbortController();
  const first = send(mailer, 'slow');
  const stopped = mailer.send(message(), stop.signal);
  const last = send(mailer, 'grace');
  stop.abort('shutdown');
  assert.deepEqual(await stopped, { kind: 'cancelled' });
  assert.deepEqual([smtp.taken.length, (await first).kind, (await last).kind], [0, 'sent', 'sent']);
  assert.deepEqual(
    smtp.taken.map(({ to }) => to),
    ['slow@example.org', 'grace@example.org'],
  );
});

test('a mailer that is closed sends nothing of what still waits', async (t) => {
  const { smtp, mailer } = await world(t, {}, { connections: 1 });
  const sending = ['hang', 'ada', 'grace'].map((to) => send(mailer, to));
  await until(() => smtp.refused.length > 0);
  await mailer.close();
  assert.deepEqual(await Promise.all(sending), Array(3).fill({ kind: 'cancelled' }));
  assert.deepEqual(smtp.taken, []);
});
