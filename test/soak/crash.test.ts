import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/* The crash test can fail: it finds what was taken out of the store behind the server's back. The test itself is `npm run test:crash`. */

const script = fileURLToPath(new URL('./crash.ts', import.meta.url));

function crash(...args: string[]): { code: number | null; output: string } {
  const done = spawnSync(process.execPath, [script, '--rounds', '1', '--clients', '4', '--seed', '1', ...args], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { code: done.status, output: done.stdout + done.stderr };
}

test('the crash test passes where nothing is missing', () => {
  const { code, output } = crash();
  assert.equal(code, 0, output);
  assert.match(output, /nothing lost, nothing kept twice, nothing forgotten/);
});

test('the crash test reports an acknowledged response that is gone', () => {
  const { code, output } = crash('--plant', 'response');
  assert.equal(code, 1, output);
  assert.match(output, /1 acknowledged responses are missing: rsp_/);
  assert.match(output, /a response is missing/);
});

test('the crash test reports a task that is gone', () => {
  const { code, output } = crash('--plant', 'task');
  assert.equal(code, 1, output);
  assert.match(output, /1 responses were never delivered: rsp_/);
  assert.match(output, /it waits to be understood, and no task does it/);
});
