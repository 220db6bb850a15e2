import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { directoryFindings } from '../../src/cli/doctor/data-directory.ts';

/* What `doctor` says of the disk it finds. Root may write everywhere, so what refuses here is what refuses root too. */

function dataDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-doctor-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const faultsOf = (dir: string) =>
  directoryFindings({ dataDir: dir, diskReserveBytes: 0 }).filter(({ level }) => level === 'fault');

test('a full disk is a fault with its cure', { skip: process.platform !== 'linux' }, (t) => {
  const dir = dataDir(t);
  // Whatever is written to this device finds the disk full.
  symlinkSync('/dev/full', join(dir, `.formstead-doctor-${process.pid}`));
  assert.deepEqual(faultsOf(dir), [
    {
      level: 'fault',
      what: `${dir} cannot be written: ENOSPC: no space left on device, write`,
      cure: 'Free some space on that disk.',
    },
  ]);
  assert.deepEqual(faultsOf(dir), [], 'and the probe is gone');
});

test('each folder of the server is tried, and nothing stays behind', (t) => {
  for (const folder of ['blobs', 'blobs/.staging', 'blobs/exports', 'queries']) {
    const dir = dataDir(t);
    for (const each of ['blobs/.staging', 'blobs/exports', 'queries']) mkdirSync(join(dir, each), { recursive: true });
    assert.deepEqual(faultsOf(dir), []);
    // A folder of this name keeps the probe out, as the mode of another's folder would.
    mkdirSync(join(dir, folder, `.formstead-doctor-${process.pid}`));
    const faults = faultsOf(dir);
    assert.equal(faults.length, 1);
    assert.ok(faults[0]!.what.startsWith(`${join(dir, folder)} cannot be written: E`), faults[0]!.what);
  }
});

test('a file where a folder belongs is a fault with its cure', (t) => {
  for (const folder of ['blobs', 'queries']) {
    const dir = dataDir(t);
    writeFileSync(join(dir, folder), '');
    const fault = faultsOf(dir)[0]!;
    assert.ok(fault.what.startsWith(`${join(dir, folder)} cannot be written: ENOTDIR`), fault.what);
    assert.equal(fault.cure, 'A file stands where a folder belongs: move it away.');
  }
});
