import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recipientKey } from '../../src/domain/mail/address.ts';
import { directory, served } from '../support/command-line.ts';
import { admin, eventually, request, testEnvironment, tokenOf } from '../support/program.ts';
import { startSmtpServer } from '../support/smtp-server.ts';

test('a server that is killed while the mail server answers sends the message again, under the same Message-ID', {
  timeout: 120_000,
}, async (t) => {
  const smtp = await startSmtpServer(t);
  const env = testEnvironment(directory(t), {
    FORMSTEAD_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
    FORMSTEAD_MAIL_FROM: 'forms@example.org',
  });
  const first = await served(t, env);
  const token = await tokenOf(first.url, admin);
  const definition = { elements: [{ type: 'comment', name: 'message' }] };
  const body = { title: 'Contact', definition, settings: { notify_emails: ['slow@example.org'] } };
  const form = (await request(first.url, 'POST', '/forms', { token, body })).body.id;
  await request(first.url, 'POST', `/forms/${form}/publish`, { token });
  const sent = await request(first.url, 'POST', `/forms/${form}/responses`, {
    body: { answers: { message: 'hello' } },
  });
  assert.equal(sent.status, 202);
  // The mail server has it, and its 250 is still to come.
  await eventually(async () => smtp.taken.length === 1);
  first.signal('SIGKILL');
  await first.gone;

  const second = await served(t, env);
  const again = await tokenOf(second.url, admin);
  const task = `tsk_${sent.body.response_id.slice(4)}:email-${recipientKey('slow@example.org')}`;
  const done = await eventually(async () => {
    const { body: found } = await request(second.url, 'GET', `/tasks/${task}`, { token: again });
    return found.status === 'succeeded' && found;
  });
  // The crash has used one up.
  assert.equal(done.steps[0].attempts, 2);
  assert.equal(smtp.taken.length, 2);
  assert.equal(smtp.taken[0]!.header('message-id'), smtp.taken[1]!.header('message-id'));
});
