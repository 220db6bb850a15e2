import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

/* When the quick tests of the stack (test/stack/slim.ts) may be left out, and when not: with programs that play the machine's. */

const isRoot = process.getuid?.() === 0;
const present = { 'apt-get': 'exit 1', debootstrap: 'exit 0', dockerd: 'echo no rights >&2; exit 1' };

/** Runs the lane where these programs, as lines of shell, come first. */
function lane(programs: Record<string, string>): { status: number | null; said: string } {
  const place = mkdtempSync(join(tmpdir(), 'formstead-lane-'));
  try {
    for (const [name, body] of Object.entries({ ...present, ...programs }))
      writeFileSync(join(place, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    const { status, stdout, stderr } = spawnSync(process.execPath, ['test/stack/slim.ts'], {
      cwd: join(import.meta.dirname, '../..'),
      env: { PATH: [place, dirname(process.execPath), '/usr/bin', '/bin'].join(':'), XDG_CACHE_HOME: place },
      encoding: 'utf8',
      timeout: 120_000,
    });
    return { status, said: stdout + stderr };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

const withoutEngine = 'case $1 in info) exit 1 ;; esac';

test('where no Docker engine starts the stack is left out, and that is said with the reason', { skip: !isRoot }, () => {
  const { status, said } = lane({ docker: withoutEngine });
  assert.match(said, /^The stack in containers was NOT tested: dockerd does not start here: no rights\.$/m);
  assert.equal(status, 0);
});

test('where an engine starts and runs no container, too', { skip: !isRoot }, () => {
  const docker = `case "$1 $DOCKER_HOST" in "info unix"*) exit 0 ;; info*) exit 1 ;; run*) echo no mounts >&2; exit 1 ;; esac`;
  const { status, said } = lane({ docker, dockerd: 'exec sleep 60', 'docker-init': 'exit 0' });
  assert.match(said, /^The stack in containers was NOT tested: dockerd starts and can run no container: .*/m);
  assert.match(said, /no mounts/);
  assert.equal(status, 0);
});

test('where an engine runs, whatever goes wrong is a failure', { skip: !isRoot }, () => {
  assert.equal(lane({ docker: 'exit 0', npm: 'exit 3' }).status, 3);
  assert.equal(lane({ docker: 'exit 0', npm: 'exit 0' }).status, 0);
  const { status, said } = lane({ docker: 'case $1 in compose) exit 1 ;; esac' });
  assert.match(said, /fetch-compose/);
  assert.notEqual(status, 0);
});
