import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passwordProblem } from './password.ts';

for (const good of [
  'marmalade-otter-57',
  'Zug um Zug nach Ulm',
  'x7#Kq9!vBn2$',
  '4821-7733-9052-a',
  'пароль-для-входа',
  'password of my aunt Berta',
]) {
  test(`${good} may be used`, () => assert.equal(passwordProblem(good), undefined));
}

for (const [password, reason] of [
  ['short-one-1', /at least 12/],
  ['', /at least 12/],
  ['🔑'.repeat(11), /at least 12/],
  ['abcde'.repeat(52), /at most 256/],
  ['aaaaaaaaaaaaaaaa', /five different/],
  ['abababababab', /five different/],
  ['123456789012', /most common/],
  ['abcdefghijklm', /most common/],
  ['098765432109', /most common/],
  ['password1234', /most common/],
  ['P@ssw0rd123!', /most common/],
  ['passwordpassword', /most common/],
  ['Administrator1', /most common/],
  ['ChangeMePlease!', /most common/],
  ['letmeinletmein', /most common/],
  ['qwertyuiop12', /most common/],
  ['1q2w3e4r5t6y', /most common/],
  ['correct horse battery staple', /most common/],
] as const) {
  test(`${password.slice(0, 40)} is refused: ${reason.source}`, () =>
    assert.match(passwordProblem(password) ?? '', reason));
}

test('the e-mail address is not a password', () => {
  assert.match(passwordProblem('Berta.Meier@example.org', ['berta.meier@example.org']) ?? '', /e-mail/);
});

test('checking a password built against the pattern takes no time', { timeout: 5000 }, () => {
  const started = performance.now();
  passwordProblem(`${'changeme'.repeat(7)}zz`);
  assert.ok(performance.now() - started < 100);
});
