import { datasetArea, type Partition, partitionFile } from '#domain/dataset/dataset.ts';
import type { Span } from '#domain/dataset/plan.ts';
import { dayBounds } from '#domain/day-bounds.ts';
import type { RowPlan } from '#domain/export-rows.ts';
import { withoutWithheld } from '#domain/form/withheld.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { ExportWriter } from '#ports/export-writer.ts';
import type { Storage } from '#ports/storage.ts';
import { type DiskGuard, refuseWhenDiskIsFull } from './disk-guard.ts';
import { responsePages } from './response-pages.ts';

type Deps = DiskGuard & {
  storage: Pick<Storage, 'list' | 'changes' | 'responses'>;
  blobs: Pick<BlobStore, 'stage'>;
  writer: Pick<ExportWriter, 'openTable'>;
  timeZone: string;
};

/** What a form's partitions are written with: the columns of its versions, and the questions whose answers are kept out. */
export type Table = { plan: RowPlan; withheld: ReadonlySet<string>; withheldHash: string };

/** Not yet in a manifest. */
export type WrittenPartition = Omit<Partition, 'manifest'>;

/** `mark`: for the names of the files, another one for each attempt. */
type Writing = {
  mark: string;
  signal: AbortSignal;
  wrote: (rows: number) => void;
  /** Called when the rows are read, and another partition may be begun while the files of this one are finished. */
  ready: () => void;
};

/** Responses read at once: a page of 1 kB each goes through every step in a few milliseconds, and of 256 kB each still fits into the memory. */
const pageSize = 250;
/** Days of responses are of the time zone that was set when they came: no two zones are further apart. */
const zonesApartMs = 26 * 3_600_000;

/**
 * Writes the two files of a partition from what the store holds now, durably, under names of their own. Without responses there are no files and `rows` is 0.
 * Errors: those of the store and the writer, `disk-nearly-full`, the signal's reason; after any of them nothing is left of the files.
 */
export async function writePartition(
  deps: Deps,
  { formId, latest }: { formId: string; latest: () => Promise<Table> },
  { from, to }: Span,
  { mark, signal, wrote, ready }: Writing,
): Promise<WrittenPartition> {
  // Before anything is read: what changes from now on has a higher number, whether its row is seen here or not.
  const completeTo = await deps.storage.changes.newest();
  // After that, too: what has a number up to there was sent to a version that is known here. What is sent to a later one has a higher number, and is written again by the next update.
  const { plan, withheld, withheldHash } = await latest();
  const partition = { from, to, completeTo, formVersion: plan.version, withheld: withheldHash, rows: 0, misfits: 0 };
  const times = await timesOf(deps, formId, { from, to });
  if (times === undefined) return { ...partition, parquet: nothing, jsonl: nothing };
  const fileOf = (ending: 'parquet' | 'jsonl.gz') => partitionFile({ from, to }, mark, ending);
  const [parquetName, jsonlName] = [fileOf('parquet'), fileOf('jsonl.gz')];
  const area = datasetArea(formId);
  const [parquet, jsonl] = await Promise.all([
    deps.blobs.stage(`${area}/${parquetName}`),
    deps.blobs.stage(`${area}/${jsonlName}`),
  ]);
  try {
    const files = { parquet: parquet.path, jsonl: jsonl.path };
    const sink = await deps.writer.openTable({ ...files, columns: plan.columns, signal });
    try {
      for await (const responses of responsePages(deps.storage, { formId, ...times, pageSize })) {
        signal.throwIfAborted();
        await refuseWhenDiskIsFull(deps);
        const rows = responses
          .filter(({ day }) => from <= day && day <= to)
          .map((response) => {
            const row = plan.rowOf(withoutWithheld(response, withheld));
            partition.misfits += row.misfits;
            return row.cells;
          });
        if (rows.length > 0) await sink.write(rows);
        partition.rows += rows.length;
        wrote(rows.length);
      }
      ready();
      await sink.close();
    } finally {
      await sink.discard();
    }
    const [parquetFile, jsonlFile] = [await parquet.finish(), await jsonl.finish()];
    return {
      ...partition,
      parquet: { name: parquetName, ...parquetFile },
      jsonl: { name: jsonlName, ...jsonlFile },
    };
  } catch (err) {
    await Promise.allSettled([parquet.discard(), jsonl.discard()]);
    throw err;
  }
}

const nothing = { name: '', bytes: 0, sha256: '' };

/** Between which instants the responses of the days were submitted, `to` exclusive; undefined where there are none. */
async function timesOf(
  { storage, timeZone }: Deps,
  formId: string,
  { from, to }: { from: string; to: string },
): Promise<{ from: number; to: number } | undefined> {
  const days = await storage.responses.days({
    formId,
    from: dayBounds(timeZone, from).from - zonesApartMs,
    to: dayBounds(timeZone, to).to + zonesApartMs,
    only: { from, to },
  });
  if (days.length === 0) return undefined;
  return {
    from: Math.min(...days.map(({ first }) => first)),
    to: Math.max(...days.map(({ last }) => last)) + 1,
  };
}
