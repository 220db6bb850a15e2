import { type Dataset, type DatasetFile, datasetArea, type Partition } from '#domain/dataset/dataset.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { ChangedDay } from '#ports/change-feed.ts';
import type { ResponseDay, Storage } from '#ports/storage.ts';

type Deps = { storage: Pick<Storage, 'list' | 'changes' | 'responses'>; blobs: Pick<BlobStore, 'describe'> };

export type DatasetVerdict = {
  forms: number;
  partitions: number;
  /** In the files, and responses of the forms in the store. */
  rows: number;
  responses: number;
  /** Changes of responses that the files do not have yet: the next update brings them. */
  waiting: number;
  /** What does not add up, a sentence each. */
  problems: string[];
};

/**
 * Reads every file that a manifest names again and compares it with what the manifest says, and the rows of each partition with the responses that the store has of
 * its days. `formId`: of one form only. `seen` is told the number of partitions done.
 */
export async function verifyDatasets(
  deps: Deps,
  { formId }: { formId?: string },
  seen: (partitions: number) => void,
): Promise<DatasetVerdict> {
  const verdict: DatasetVerdict = { forms: 0, partitions: 0, rows: 0, responses: 0, waiting: 0, problems: [] };
  for await (const dataset of datasetsOf(deps.storage)) {
    if (formId !== undefined && dataset.id !== formId) continue;
    verdict.forms += 1;
    await verifyOne(deps, dataset, verdict, seen);
  }
  return verdict;
}

export function datasetLine({ forms, partitions, rows, responses, waiting, problems }: DatasetVerdict): string {
  const state = problems.length === 0 ? 'ok' : `${problems.length} problems`;
  return `exports: ${state}: ${rows} rows in ${partitions} partitions of ${forms} forms, ${responses} responses in the store; ${waiting} changes wait for the next update`;
}

async function* datasetsOf(storage: Deps['storage']): AsyncGenerator<Dataset> {
  let after: string | undefined;
  do {
    const found = await storage.list('dataset', { limit: 100, after });
    for (const { doc } of found.items) yield doc;
    after = found.next;
  } while (after !== undefined);
}

async function verifyOne(
  { storage, blobs }: Deps,
  dataset: Dataset,
  verdict: DatasetVerdict,
  seen: (partitions: number) => void,
): Promise<void> {
  const formId = dataset.id;
  // What is changed from here on is not compared: a server may run beside.
  const to = await storage.changes.newest();
  const days = await storage.responses.days({ formId });
  verdict.responses += days.reduce((sum, { count }) => sum + count, 0);
  const waiting = await storage.changes.days({ formId, after: dataset.completeTo, to });
  verdict.waiting += waiting.reduce((sum, { changes }) => sum + changes, 0);
  const problem = (text: string) => void verdict.problems.push(`${formId}: ${text}`);

  for (const partition of dataset.partitions) {
    for (const file of [partition.parquet, partition.jsonl]) {
      const wrong = await compare(blobs, formId, file);
      if (wrong) problem(wrong);
    }
    const changed = await storage.changes.days({ formId, after: partition.completeTo, to });
    const wrong = miscounted(partition, days, changed);
    if (wrong) problem(wrong);
    verdict.partitions += 1;
    verdict.rows += partition.rows;
    seen(verdict.partitions);
  }
  for (const { day, count } of days) {
    const has = dataset.partitions.some(({ from, to: last }) => from <= day && day <= last);
    if (!has && !waiting.some((one) => one.day === day)) problem(`${count} responses of ${day} are in no file`);
  }
}

async function compare(blobs: Deps['blobs'], formId: string, file: DatasetFile): Promise<string | undefined> {
  const found = await blobs.describe(`${datasetArea(formId)}/${file.name}`);
  if (!found) return `${file.name} is not there`;
  if (found.bytes !== file.bytes) return `${file.name} has ${found.bytes} bytes instead of ${file.bytes}`;
  return found.sha256 === file.sha256 ? undefined : `${file.name} has another content: its sha256 is ${found.sha256}`;
}

/** A day in which nothing has changed since has exactly its rows; one that has may differ by its changes. */
function miscounted({ from, to, rows }: Partition, days: ResponseDay[], changed: ChangedDay[]): string | undefined {
  const within = ({ day }: { day: string }) => from <= day && day <= to;
  const count = days.filter(within).reduce((sum, one) => sum + one.count, 0);
  const changes = changed.filter(within).reduce((sum, one) => sum + one.changes, 0);
  if (Math.abs(count - rows) <= changes) return undefined;
  const span = from === to ? from : `${from} to ${to}`;
  return `${span} has ${rows} rows, and the store has ${count} responses with ${changes} changes since`;
}
