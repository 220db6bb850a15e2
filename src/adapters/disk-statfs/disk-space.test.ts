import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDiskSpace } from './disk-space.ts';

test('free bytes are what an unprivileged process may still write', async () => {
  const disk = createDiskSpace({
    directory: '/data',
    statfs: async () => ({ bsize: 4096, blocks: 1000, bavail: 250 }),
  });
  assert.deepEqual(await disk.read(), { freeBytes: 1_024_000, totalBytes: 4_096_000 });
});

test('the real file system answers', async () => {
  const { freeBytes, totalBytes } = await createDiskSpace({ directory: import.meta.dirname }).read();
  assert.ok(freeBytes > 0 && freeBytes <= totalBytes);
});

test('a reading is shared for one second and then taken anew', async () => {
  let now = 0;
  let asked = 0;
  const disk = createDiskSpace({
    directory: '/data',
    elapsedMs: () => now,
    statfs: async () => ({ bsize: 1, blocks: 100, bavail: 100 - ++asked }),
  });
  const together = await Promise.all([disk.read(), disk.read(), disk.read()]);
  assert.deepEqual(
    together.map((reading) => reading.freeBytes),
    [99, 99, 99],
  );
  now = 999;
  assert.equal((await disk.read()).freeBytes, 99);
  now = 1000;
  assert.equal((await disk.read()).freeBytes, 98);
});

test('a failed reading is told to everybody who waited and asked for anew by the next', async () => {
  let broken = true;
  const disk = createDiskSpace({
    directory: '/data',
    elapsedMs: () => 0,
    statfs: async () => {
      if (broken) throw new Error('ENOENT');
      return { bsize: 1, blocks: 2, bavail: 1 };
    },
  });
  const [first, second] = await Promise.allSettled([disk.read(), disk.read()]);
  assert.equal(first?.status, 'rejected');
  assert.equal(second?.status, 'rejected');
  broken = false;
  assert.equal((await disk.read()).freeBytes, 1);
});
