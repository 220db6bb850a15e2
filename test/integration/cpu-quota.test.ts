import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { usableCpus } from '#domain/config/cpu-quota.ts';

/** What a process on a machine of eight CPUs may use when its `/proc` and `/sys` hold these files. */
function cpusWith(t: TestContext, files: Record<string, string>): number {
  const root = mkdtempSync(join(tmpdir(), 'formstead-cgroup-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return usableCpus(8, (path) => readFileSync(join(root, path), 'utf8'));
}

const v2 = { '/proc/self/cgroup': '0::/\n' };
const max = '/sys/fs/cgroup/cpu.max';

test('without control groups, and without a quota, all CPUs of the machine may be used', (t) => {
  assert.equal(cpusWith(t, {}), 8);
  assert.equal(cpusWith(t, { ...v2, [max]: 'max 100000\n' }), 8);
  assert.equal(cpusWith(t, { ...v2, [max]: 'nonsense' }), 8);
  assert.equal(cpusWith(t, { '/proc/self/cgroup': 'nonsense\n' }), 8);
});

test('a quota of version 2 is rounded up, is at least one CPU, and adds none to the machine', (t) => {
  assert.equal(cpusWith(t, { ...v2, [max]: '200000 100000\n' }), 2);
  assert.equal(cpusWith(t, { ...v2, [max]: '150000 100000\n' }), 2);
  assert.equal(cpusWith(t, { ...v2, [max]: '10000 100000\n' }), 1);
  assert.equal(cpusWith(t, { ...v2, [max]: '6400000 100000\n' }), 8);
});

test('a group above may be narrower than the own one', (t) => {
  const files = {
    '/proc/self/cgroup': '0::/system.slice/formstead.service\n',
    '/sys/fs/cgroup/system.slice/cpu.max': '300000 100000\n',
    '/sys/fs/cgroup/system.slice/formstead.service/cpu.max': '500000 100000\n',
  };
  assert.equal(cpusWith(t, files), 3);
});

test("in a container whose groups are named as on the host, the container's own quota is at the root", (t) => {
  assert.equal(cpusWith(t, { '/proc/self/cgroup': '0::/docker/4711\n', [max]: '100000 50000\n' }), 2);
});

test('a quota of version 1 is found under the name of its controllers or of cpu, and -1 is none', (t) => {
  const groups = '9:name=systemd:/\n7:memory:/docker/4711\n4:cpu,cpuacct:/docker/4711\n1:cpuset:/\n0::/\n';
  const at = (folder: string, quota: string) => ({
    '/proc/self/cgroup': groups,
    [`/sys/fs/cgroup/${folder}/cpu.cfs_quota_us`]: quota,
    [`/sys/fs/cgroup/${folder}/cpu.cfs_period_us`]: '100000\n',
  });
  assert.equal(cpusWith(t, at('cpu,cpuacct/docker/4711', '250000\n')), 3);
  assert.equal(cpusWith(t, at('cpu/docker/4711', '400000\n')), 4);
  assert.equal(cpusWith(t, at('cpu', '50000\n')), 1);
  assert.equal(cpusWith(t, at('cpu/docker/4711', '-1\n')), 8);
});
