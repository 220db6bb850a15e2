import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pipSettings } from './pip-settings.ts';

const files = (texts: Record<string, string>) => (path: string) => texts[path];

test('without any setting of pip it is the public registry, and Node’s own certificates', () => {
  assert.deepEqual(pipSettings({}, undefined, files({})), { index: 'https://pypi.org/simple' });
});

test('the user’s file goes before the system’s, the environment before both, and a flag before all', () => {
  const read = files({
    '/etc/pip.conf': '[global]\nindex-url = https://system.example/simple\n',
    '/srv/u/.config/pip/pip.conf':
      '# ours\n[global]\nindex_url: https://user.example/simple\n[install]\nindex-url=https://no.example/\n',
  });
  const index = (env: Record<string, string>, flag?: string) => pipSettings(env, flag, read).index;
  assert.equal(index({}), 'https://system.example/simple');
  assert.equal(index({ HOME: '/srv/u' }), 'https://user.example/simple');
  assert.equal(index({ HOME: '/srv/u', PIP_INDEX_URL: 'https://env.example' }), 'https://env.example');
  assert.equal(index({ PIP_INDEX_URL: 'https://env.example' }, 'https://flag.example'), 'https://flag.example');
  assert.equal(index({ HOME: '/srv/u', PIP_CONFIG_FILE: '/dev/null' }), 'https://pypi.org/simple');
});

test('the certificates of pip are trusted besides Node’s', () => {
  const read = files({ '/etc/pip.conf': '[global]\ncert = /ca.pem\n', '/ca.pem': 'PEM' });
  const { ca } = pipSettings({}, undefined, read);
  assert.equal(ca?.at(-1), 'PEM');
  assert.ok(ca.length > 1);
  assert.equal(pipSettings({ PIP_CERT: '/not-there' }, undefined, read).ca, undefined);
});
