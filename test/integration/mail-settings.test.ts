import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '#config.ts';
import { isPlain, smtpServer } from '#domain/config/mail-checks.ts';

const machine = { cpus: 2, timeZone: 'UTC', absolutePath: (path: string) => `/there/${path}` };
const load = (env: Record<string, string>) => loadConfig(env, () => 'from a file', machine);
const mistakes = (env: Record<string, string>) => {
  const loaded = load(env);
  return 'mistakes' in loaded ? loaded.mistakes.map(({ name }) => name) : [];
};
const good = { FORMSTEAD_SMTP_URL: 'smtps://mail.example.org', FORMSTEAD_MAIL_FROM: 'forms@example.org' };

test('settings of e-mail that cannot work together are told with their cure', () => {
  assert.deepEqual(mistakes(good), []);
  assert.deepEqual(mistakes({ ...good, FORMSTEAD_SMTP_USER: 'a', FORMSTEAD_SMTP_PASSWORD_FILE: '/run/secrets/x' }), []);
  const cases: [Record<string, string>, string][] = [
    [{ FORMSTEAD_SMTP_URL: 'smtps://mail.example.org' }, 'FORMSTEAD_MAIL_FROM'],
    [{ FORMSTEAD_MAIL_FROM: 'forms@example.org' }, 'FORMSTEAD_MAIL_FROM'],
    [{ FORMSTEAD_MAIL_SUMMARY_TO: 'ada@example.org' }, 'FORMSTEAD_MAIL_SUMMARY_TO'],
    [{ ...good, FORMSTEAD_SMTP_USER: 'a' }, 'FORMSTEAD_SMTP_USER'],
    [{ ...good, FORMSTEAD_SMTP_PASSWORD: 'a' }, 'FORMSTEAD_SMTP_PASSWORD'],
    [{ ...good, FORMSTEAD_SMTP_URL: 'smtp://u:p@mail.example.org' }, 'FORMSTEAD_SMTP_URL'],
    [{ ...good, FORMSTEAD_SMTP_URL: 'smtp://mail.example.org/path' }, 'FORMSTEAD_SMTP_URL'],
    [{ ...good, FORMSTEAD_SMTP_URL: 'https://mail.example.org' }, 'FORMSTEAD_SMTP_URL'],
    [{ ...good, FORMSTEAD_MAIL_FROM: 'Forms <forms@example.org>' }, 'FORMSTEAD_MAIL_FROM'],
    [{ ...good, FORMSTEAD_MAIL_SUMMARY_TO: 'ada@example.org, nobody' }, 'FORMSTEAD_MAIL_SUMMARY_TO'],
  ];
  for (const [env, name] of cases) assert.deepEqual(mistakes(env), [name], JSON.stringify(env));
});

test('no password is told, wherever in the URL it stands', () => {
  for (const url of ['smtp://u:hush@mail.example.org', 'smpt://u:hush@mail.example.org', 'u:hush@mail.example.org']) {
    const loaded = load({ ...good, FORMSTEAD_SMTP_URL: url });
    assert.ok('mistakes' in loaded && loaded.mistakes.length === 1);
    assert.ok(!JSON.stringify(loaded).includes('hush'), url);
  }
});

test('TLS is left out on this machine alone, unless a setting says so, and that is warned of', () => {
  const plain = (smtpUrl: string, smtpPlain = false, smtpCaFile?: string) =>
    isPlain({ smtpUrl, smtpPlain, smtpCaFile });
  for (const url of ['smtp://localhost', 'smtp://127.0.0.1:25', 'smtp://[::1]:25']) assert.ok(plain(url), url);
  for (const url of ['smtp://mail.example.org', 'smtp://10.0.0.1', 'smtps://localhost', 'smtp://localhost.example.org'])
    assert.ok(!plain(url), url);
  assert.ok(!plain('smtp://localhost', false, '/ca.pem'));
  assert.ok(plain('smtp://mail.example.org', true));
  const warned = (env: Record<string, string>) =>
    load({ ...good, ...env }).warnings.some(({ name }) => name === 'FORMSTEAD_SMTP_PLAIN');
  assert.ok(warned({ FORMSTEAD_SMTP_URL: 'smtp://mail.example.org', FORMSTEAD_SMTP_PLAIN: 'on' }));
  assert.ok(!warned({ FORMSTEAD_SMTP_URL: 'smtp://localhost' }));
});

test('the port is that of submission where none is given', () => {
  assert.deepEqual(smtpServer('smtps://mail.example.org'), { host: 'mail.example.org', port: 465, secure: true });
  assert.deepEqual(smtpServer('smtp://mail.example.org'), { host: 'mail.example.org', port: 587, secure: false });
  assert.deepEqual(smtpServer('smtp://[::1]:2525'), { host: '::1', port: 2525, secure: false });
});

test('addresses of the summary are read in lower case, each once', () => {
  const loaded = load({ ...good, FORMSTEAD_MAIL_SUMMARY_TO: 'Ada@example.org, ada@example.org eve@example.org' });
  assert.ok('config' in loaded);
  assert.deepEqual(loaded.config.mailSummaryTo, ['ada@example.org', 'eve@example.org']);
});
