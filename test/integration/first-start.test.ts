import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formstead, served } from '../support/command-line.ts';
import { testEnvironment, tokenOf } from '../support/program.ts';

test('a first start that finds its port taken makes no administrator; the next one does, and the password is the one that works', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-start-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const port = String((taken.address() as AddressInfo).port);
  const { FORMSTEAD_ADMIN_PASSWORD: _, ...env } = testEnvironment(dir);

  for (const [setting, named] of [
    [{ FORMSTEAD_PORT: port }, /FORMSTEAD_PORT/],
    [{ FORMSTEAD_METRICS_PORT: port }, /FORMSTEAD_METRICS_PORT/],
  ] as const) {
    const failed = await formstead(['serve'], { ...env, ...setting });
    assert.notEqual(failed.code, 0);
    assert.match(failed.stderr, new RegExp(`127\\.0\\.0\\.1:${port} is taken`));
    assert.match(failed.stderr, named, 'the setting that would mend it');
  }
  const server = await served(t, env);
  const [email = '', password = ''] = readFileSync(join(dir, 'first-admin.txt'), 'utf8').split('\n');
  assert.ok(await tokenOf(server.url, { email, password }));
});
