/*
 * One update of the exported files of a form, in a process that kills itself with SIGKILL before its n-th step (0: never) and prints how many steps there were.
 * Usage: node test/soak/export-child.ts <data directory> <form id> <step> <milliseconds that its clock is ahead>
 */
import type { BlobStore } from '#ports/blob-store.ts';
import type { ExportWriter } from '#ports/export-writer.ts';
import type { Storage } from '#ports/storage.ts';
import { createDuckdbExportWriter } from '../../src/adapters/analytics-duckdb/export-writer.ts';
import { openFileBlobs } from '../../src/adapters/blobs-fs/blobs.ts';
import { openExportStore, updateDataset } from './export-store.ts';

const [dir, formId, wanted, ahead] = process.argv.slice(2) as [string, string, string, string];
const killAt = Number(wanted);
let steps = 0;

/** Nothing may happen between this and the kill: the process is gone before the next instruction. */
function step(): void {
  steps += 1;
  if (steps === killAt) process.kill(process.pid, 'SIGKILL');
}
/** A step before it and one after it. */
async function around<T>(work: () => Promise<T>): Promise<T> {
  step();
  const result = await work();
  step();
  return result;
}

const { storage, clock, ids } = await openExportStore(dir, Number(ahead));
const files = await openFileBlobs({ directory: `${dir}/blobs`, clock });
const blobs: BlobStore = {
  ...files,
  write: (name, bytes) => around(() => files.write(name, bytes)),
  remove: (name) => around(() => files.remove(name)),
  async stage(name) {
    const staged = await files.stage(name);
    return { ...staged, finish: () => around(staged.finish) };
  },
};
const duckdb = createDuckdbExportWriter({
  // While DuckDB writes: it must end with its parent.
  onStart: () => step(),
});
const writer: Pick<ExportWriter, 'openTable'> = {
  async openTable(table) {
    const sink = await duckdb.openTable(table);
    return { ...sink, write: (rows) => around(() => sink.write(rows)), close: () => around(sink.close) };
  },
};
const stepping: Storage = { ...storage, commit: (commit) => around(() => storage.commit(commit)) };
await updateDataset({ storage, stepping, blobs, writer, clock, ids }, formId);
await storage.close();
console.log(steps);
