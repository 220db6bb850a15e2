import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Actor, roles } from '../actor.ts';
import type { FormSettings } from '../form/form.ts';
import { changedNotify, notifyOf, notifyRefusals } from './notify.ts';

const as = (role: (typeof roles)[number]): Actor => ({ kind: 'user', id: 'usr_1', role, sessionId: 'ses_1' });
const named: FormSettings = { notify_emails: ['ada@example.org'] };

test('what is left out is: a message each, a digest a day at eight, and nobody', () => {
  const { recipients, ...how } = notifyOf({});
  assert.deepEqual(how, { send: 'each', every: 'day', hour: 8 });
  assert.equal(recipients.size, 0);
});

test('a mailbox that is named in two spellings is one recipient', () => {
  assert.equal(
    notifyOf({ notify_emails: ['ada@example.org', 'Ada@example.org', 'eve@example.org'] }).recipients.size,
    2,
  );
});

test('only administrators may set, change or remove who is told and how; everybody may leave it as it is', () => {
  const changes: [FormSettings, FormSettings, string[]][] = [
    [{}, named, ['/settings/notify_emails']],
    [named, {}, ['/settings/notify_emails']],
    [named, { notify_emails: ['eve@example.org'] }, ['/settings/notify_emails']],
    [named, { ...named, notify: { send: 'digest' } }, ['/settings/notify']],
    [{}, { ...named, notify: { hour: 9 } }, ['/settings/notify_emails', '/settings/notify']],
  ];
  for (const [before, after, pointers] of changes) {
    assert.deepEqual(changedNotify(before, after), pointers);
    for (const role of roles) {
      const refused = notifyRefusals(as(role), before, after).map(({ pointer }) => pointer);
      assert.deepEqual(refused, role === 'admin' ? [] : pointers, role);
    }
  }
  const same: [FormSettings, FormSettings][] = [
    [named, { ...named, limits: { max_body_bytes: 1000 } }],
    [{}, { notify_emails: [] }],
    [{ notify: { send: 'digest', hour: 9 } }, { notify: { hour: 9, send: 'digest' } }],
  ];
  for (const [before, after] of same) assert.deepEqual(notifyRefusals(as('editor'), before, after), []);
});

test('an API token may when its scopes say so', () => {
  const token = (scopes: Extract<Actor, { kind: 'token' }>['scopes']): Actor => ({
    kind: 'token',
    id: 'tok_1',
    scopes,
  });
  assert.equal(notifyRefusals(token(['forms:write']), {}, named).length, 1);
  assert.deepEqual(notifyRefusals(token(['forms:write', 'mail:manage']), {}, named), []);
});
