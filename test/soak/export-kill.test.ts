import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';

test('an update of exported files that is killed at each of its steps leaves no torn file, and a spoilt file is found', async () => {
  const script = new URL('./export-kill.ts', import.meta.url).pathname;
  const { code, stdout, stderr } = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [script, '--rounds', '1', '--plant'], (err, stdout, stderr) =>
      resolve({ code: err?.code ?? 0, stdout, stderr }),
    );
  });
  const [round, steps, failures] =
    /^round (1): killed at each of (\d+) steps, (\d+) failures$/m.exec(stdout)?.slice(1) ?? [];
  assert.deepEqual([round, failures], ['1', '0'], stdout + stderr);
  assert.ok(Number(steps) >= 13, `${steps} steps`);
  assert.match(stderr, /is torn: its checksum is not that of the manifest/);
  assert.equal(code, 1);
});
