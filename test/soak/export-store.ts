import { createAuditor } from '#app/audit.ts';
import { createDatasets } from '#app/exports/datasets.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { ExportWriter } from '#ports/export-writer.ts';
import type { Ids } from '#ports/ids.ts';
import type { Storage } from '#ports/storage.ts';
import { createIds } from '../../src/adapters/ids-uuid/ids.ts';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { createRecordingMetrics } from '../support/task-world.ts';

/** `aheadMs`: how far the clock is before the real one. */
export async function openExportStore(dir: string, aheadMs = 0) {
  const clock: Clock = { now: () => Date.now() + aheadMs };
  return { storage: await openSqliteStorage({ dir }), clock, ids: createIds({ clock }) };
}

/** Asks for an update and runs it as a worker does. `stepping`: the store as the update sees it. */
export async function updateDataset(
  world: {
    storage: Storage;
    stepping: Storage;
    blobs: BlobStore;
    writer: Pick<ExportWriter, 'openTable'>;
    clock: Clock;
    ids: Ids;
  },
  formId: string,
): Promise<void> {
  const { storage, stepping, blobs, writer, clock, ids } = world;
  const deps = {
    blobs,
    writer,
    clock,
    ids,
    disk: { read: async () => ({ freeBytes: 1e12, totalBytes: 1e12 }) },
    diskReserveBytes: 1e6,
    timeZone: 'Europe/Berlin',
    audit: createAuditor({ ids, clock }),
    offer: () => {},
    wantsEvent: async () => true,
    metrics: createRecordingMetrics(),
  };
  const { taskId } = await createDatasets({ ...deps, storage }).request(
    { actor: { kind: 'operator', id: 'test' } },
    formId,
  );
  const token = ids.next('lse');
  await storage.tasks.claim(taskId, { token, until: clock.now() + 60_000 }, clock.now());
  const run = { signal: new AbortController().signal, progress() {} };
  await createDatasets({ ...deps, storage: stepping }).update({ taskId, lease: token }, formId, run);
}
