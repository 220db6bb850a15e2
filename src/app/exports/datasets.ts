import { isYounger } from '#domain/age.ts';
import { announce, type Consequences, eventId, nothing } from '#domain/consequences.ts';
import {
  type Dataset,
  type DatasetFile,
  datasetArea,
  filesOf,
  manifestName,
  type Partition,
} from '#domain/dataset/dataset.ts';
import { datasetView } from '#domain/dataset/dataset-view.ts';
import { planSpans, type Span, withPartition } from '#domain/dataset/plan.ts';
import { dayIn } from '#domain/day.ts';
import { derivedUuid } from '#domain/derived-id.ts';
import { AppError } from '#domain/errors.ts';
import { planForm } from '#domain/export-rows.ts';
import { withheldNames } from '#domain/form/withheld.ts';
import { sha256Hex } from '#domain/hash.ts';
import { withApplied } from '#domain/response.ts';
import type { NewTask } from '#domain/task.ts';
import { newTask, type TaskPayloads } from '#domain/task-kinds.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { ExportWriter } from '#ports/export-writer.ts';
import type { Ids } from '#ports/ids.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { Storage, Stored } from '#ports/storage.ts';
import type { Auditor, Caller } from '../audit.ts';
import { pages } from '../every.ts';
import { allVersionsOf, formOf } from '../form-versions.ts';
import type { WantsEvent } from '../responses.ts';
import type { Cause } from '../understanding.ts';
import type { DiskGuard } from './disk-guard.ts';
import { begun } from './file-stream.ts';
import { overlapping, type Work } from './overlapping.ts';
import { type Table, type WrittenPartition, writePartition } from './partition-writer.ts';

type Deps = DiskGuard & {
  storage: Pick<Storage, 'commit' | 'get' | 'list' | 'changes' | 'responses'>;
  blobs: BlobStore;
  writer: Pick<ExportWriter, 'openTable'>;
  clock: Clock;
  ids: Pick<Ids, 'next'>;
  timeZone: string;
  audit: Auditor;
  offer: (tasks: NewTask[]) => void;
  wantsEvent: WantsEvent;
  metrics: Pick<Metrics, 'count' | 'observe'>;
};

/** `damaged`: name of a file whose partition is to be written again. */
type Run = { signal: AbortSignal; progress(fraction: number): void; rebuild?: boolean; damaged?: string };

/** `partitions`: how many were written; `rows`: in them. */
export type DatasetReport = { version: number; partitions: number; rows: number; misfits: number };

export type DatasetDownload = DatasetFile & {
  format: 'parquet' | 'jsonl';
  /** `start` and `end` inclusive. */
  read(range?: { start: number; end: number }): Promise<AsyncIterable<Uint8Array>>;
};

/** Whoever has read a manifest opens its files within this time. */
const retiredMs = 3_600_000;
/** Asked for again after so long, milliseconds. All tries of an update that fails at once take a quarter of it: those of the next one seldom meet them. */
export const onceMs = 3_600_000;
/** A file that no manifest names belongs to an update that died, or to one that runs: those end within an hour. */
const orphanMs = 24 * 3_600_000;

/*
 * An update reads the change feed from where the files are complete, writes each partition in which something changed from what the store holds, and commits the
 * manifest after each: what was written before a kill is not written again. The manifest is a document of the store, changed by revision and lease, so of two
 * updates one wins and the other's files are never named by anybody; `manifest.json` beside the files is its copy for readers outside.
 */
export function createDatasets(deps: Deps) {
  const { storage, clock } = deps;

  /** Asks for an update now; with `rebuild` for all files anew. Errors: `form-not-found`. */
  async function request(caller: Caller, formId: string, { rebuild = false } = {}): Promise<{ taskId: string }> {
    await formOf(storage, formId);
    const task = updateTask(deps.ids.next('tsk') as string, { form_id: formId, ...(rebuild && { rebuild }) });
    await storage.commit({
      change: { op: 'none' },
      tasks: [task],
      audit: [deps.audit(caller, 'dataset.update', formId, { rebuild })],
    });
    deps.offer([task]);
    return { taskId: task.id };
  }

  /** Asks for an update of each form that was ever published, once for a tick. */
  async function requestAll(tick: number, signal: AbortSignal): Promise<{ forms: number }> {
    let forms = 0;
    for await (const { items } of pages((after) => storage.list('form', { limit: 100, after }))) {
      signal.throwIfAborted();
      const published = items.filter(({ doc }) => doc.version > 0);
      const tasks = published.map(({ doc }) =>
        updateTask(`tsk_${derivedUuid(tick, `dataset\n${doc.id}`)}`, { form_id: doc.id }),
      );
      if (tasks.length > 0) await storage.commit({ change: { op: 'none' }, tasks });
      deps.offer(tasks);
      forms += tasks.length;
    }
    return { forms };
  }

  /**
   * Asks for an update because so much has come since the files were complete, or because one of them cannot be read; once an hour for each such state and file.
   * One that ran out of tries is so asked for again as long as somebody needs the files, and not at every question.
   */
  async function requestOnce(formId: string, reason: { completeTo: number } | { damaged: string }): Promise<void> {
    const [state, damaged] = 'damaged' in reason ? [reason.damaged, reason] : [reason.completeTo, {}];
    const hour = Math.floor(clock.now() / onceMs) * onceMs;
    const id = `tsk_${derivedUuid(hour, `dataset\n${formId}\n${state}`)}`;
    const task = updateTask(id, { form_id: formId, ...damaged });
    await storage.commit({ change: { op: 'none' }, tasks: [task] });
    deps.offer([task]);
  }

  const updateTask = (id: string, payload: TaskPayloads['update-dataset']): NewTask =>
    newTask('update-dataset', { id, payload, now: clock.now() });

  /**
   * Brings the files of a form up to the changes acknowledged before it began. Errors: `form-not-found`, `disk-nearly-full`, `storage-unavailable`, `conflict`
   * when another update was faster, the signal's reason; after any of them the files are those of the last manifest.
   */
  async function update(
    cause: Cause,
    formId: string,
    { signal, progress, rebuild = false, damaged }: Run,
  ): Promise<DatasetReport> {
    const startedAt = performance.now();
    const latest = tablesOf(formId);
    const table = await latest();
    const found = await storage.get('dataset', formId);
    // After the manifest, whose number another update may have taken from the feed a moment ago.
    const target = await storage.changes.newest();
    let { doc, revision } = known(found, formId, { table, target });
    if (rebuild && doc.rebuild?.taskId !== cause.taskId)
      doc = { ...doc, rebuild: { taskId: cause.taskId, above: doc.version } };
    const spans = await spansOf(doc, table, target, damaged);
    const report = { partitions: 0, rows: 0, misfits: 0 };
    const all = spans.reduce((sum, span) => sum + span.rows, 0);
    const wrote = (rows: number) => {
      report.rows += rows;
      progress(Math.min(1, report.rows / Math.max(1, all)));
    };
    const mark = markOf(cause, doc);
    const works = spans.map(
      (span): Work<WrittenPartition> =>
        (run) =>
          writePartition(deps, { formId, latest }, span, { mark, wrote, ...run }),
    );
    for await (const partition of overlapping(works, signal)) {
      report.partitions += 1;
      report.misfits += partition.misfits;
      doc = replaced(doc, await latest(), partition);
      const last = report.partitions === spans.length;
      const news = last ? await newsOf({ ...doc, completeTo: target }, spans) : nothing;
      if (last) doc = finished(doc, target);
      revision = await commit(cause, doc, revision, news);
    }
    if (spans.length === 0 && revision > 0 && doc.completeTo < target) {
      doc = finished(doc, target);
      revision = await commit(cause, doc, revision, nothing);
    }
    if (revision > 0) await tidy(formId);
    deps.metrics.count('formstead_dataset_rows_total', {}, report.rows);
    deps.metrics.observe('formstead_dataset_update_seconds', {}, (performance.now() - startedAt) / 1000);
    return { version: doc.version, ...report };
  }

  /** The table of a form as it is when it is asked for: a version may be published, and answered, while an update runs. Errors: `form-not-found`. */
  function tablesOf(formId: string): () => Promise<Table> {
    let table: Table | undefined;
    return async () => {
      const form = await formOf(storage, formId);
      if (table !== undefined && table.plan.version >= form.version) return table;
      const versions = await allVersionsOf(storage, formId);
      const withheld = withheldNames(versions);
      const withheldHash = sha256Hex(JSON.stringify([...withheld].sort()));
      table = { plan: planForm(versions), withheld, withheldHash };
      return table;
    };
  }

  /** Revision 0: there is none yet. One that is ahead of the feed has numbers of another store, which say nothing about this one: all is written again. */
  function known(
    found: Stored<'dataset'> | undefined,
    formId: string,
    { table, target }: { table: Table; target: number },
  ): { doc: Dataset; revision: number } {
    if (found && found.doc.completeTo > target)
      return { ...found, doc: { ...found.doc, partitions: [], completeTo: 0, retired: retired(found.doc, []) } };
    if (found) return found;
    const doc: Dataset = {
      id: formId,
      version: 0,
      completeTo: 0,
      partitions: [],
      columns: table.plan.columns,
      announced: 0,
      retired: [],
      updatedAt: clock.now(),
      applied: [],
    };
    return { doc, revision: 0 };
  }

  async function spansOf(doc: Dataset, { withheldHash }: Table, target: number, damaged: string | undefined) {
    const sizes = new Map((await deps.blobs.list(datasetArea(doc.id))).map(({ name, bytes }) => [nameIn(name), bytes]));
    const lost = (file: DatasetFile) => file.name === damaged || sizes.get(file.name) !== file.bytes;
    const { rebuild } = doc;
    return planSpans({
      partitions: doc.partitions,
      changed: await storage.changes.days({ formId: doc.id, after: doc.completeTo, to: target }),
      spoilt: ({ withheld, manifest, parquet, jsonl }: Partition) =>
        withheld !== withheldHash || (rebuild && manifest <= rebuild.above) || lost(parquet) || lost(jsonl),
      today: dayIn(deps.timeZone, clock.now()),
    });
  }

  /** The next manifest. It is complete only as far as the one before: other days may still wait. */
  function replaced(doc: Dataset, { plan }: Table, written: WrittenPartition): Dataset {
    const version = doc.version + 1;
    const partitions = withPartition(doc.partitions, { ...written, manifest: version });
    return {
      ...doc,
      version,
      partitions,
      columns: plan.columns,
      retired: retired(doc, partitions),
      updatedAt: clock.now(),
    };
  }

  const finished = (doc: Dataset, target: number): Dataset => ({
    ...doc,
    completeTo: target,
    announced: doc.version,
    rebuild: undefined,
  });

  /** Files of manifests before, where those are named no more that are in none of `partitions`. */
  function retired(doc: Dataset, partitions: readonly Partition[]): Dataset['retired'] {
    const now = clock.now();
    const names = new Set(filesOf(partitions).map(({ name }) => name));
    const gone = filesOf(doc.partitions).filter(({ name }) => !names.has(name));
    return [
      ...doc.retired.filter(({ at }) => isYounger(at, now, orphanMs)),
      ...gone.map(({ name }) => ({ name, at: now })),
    ];
  }

  async function commit(cause: Cause, doc: Dataset, revision: number, follow: Consequences): Promise<number> {
    const applied = { ...doc, applied: withApplied(doc.applied, cause.taskId) };
    const change =
      revision === 0
        ? ({ op: 'insert', kind: 'dataset', doc: applied } as const)
        : ({ op: 'update', kind: 'dataset', doc: applied, expect: revision } as const);
    const result = await storage.commit({ change, ...follow, cause });
    if (result.outcome !== 'committed')
      throw new AppError('conflict', { detail: `Another update of the dataset of ${doc.id} was faster.` });
    deps.offer(follow.tasks);
    return result.revision;
  }

  async function newsOf(doc: Dataset, spans: readonly Span[]): Promise<Consequences> {
    if (!(await deps.wantsEvent('export.ready', doc.id))) return nothing;
    const id = eventId(`dst_${derivedUuid(doc.updatedAt, `dataset\n${doc.id}\n${doc.version}`)}`, 'ready');
    // Those too that were written before the update was interrupted: nobody has been told of them.
    const untold = doc.partitions.filter(({ manifest }) => manifest > doc.announced);
    const updated = new Set([...spans, ...untold].map(({ from }) => from));
    const { partitions: _, columns: __, ...view } = datasetView(doc);
    return announce({
      id,
      type: 'export.ready',
      at: doc.updatedAt,
      data: { ...view, format: 'dataset', updated: [...updated].sort() },
      formId: doc.id,
    });
  }

  /** Removes what nobody reads any more and writes the copy of the manifest. A failure here loses nothing: the next update does it. */
  async function tidy(formId: string): Promise<void> {
    const area = datasetArea(formId);
    let doc = (await storage.get('dataset', formId))!.doc;
    const now = clock.now();
    const kept = new Set(filesOf(doc.partitions).map(({ name }) => name));
    const waiting = new Set(doc.retired.filter(({ at }) => isYounger(at, now, retiredMs)).map(({ name }) => name));
    const retired = new Set(doc.retired.map(({ name }) => name));
    for (const { name, at } of await deps.blobs.list(area)) {
      const own = nameIn(name);
      if (own === manifestName || kept.has(own) || waiting.has(own)) continue;
      if (retired.has(own) || now - at > orphanMs) await deps.blobs.remove(name);
    }
    // Until it is the newest: another update may commit, and write its own, between our reading and our writing.
    for (let written: number | undefined; written !== doc.version; doc = (await storage.get('dataset', formId))!.doc) {
      const text = `${JSON.stringify(datasetView(doc), undefined, 2)}\n`;
      await deps.blobs.write(`${area}/${manifestName}`, Buffer.from(text));
      written = doc.version;
    }
  }

  /** Undefined before the first update. Errors: `form-not-found`. */
  async function get(formId: string): Promise<Dataset | undefined> {
    await formOf(storage, formId);
    return (await storage.get('dataset', formId))?.doc;
  }

  /**
   * A file that the manifest names. Errors: `form-not-found`, `not-found`; `gone`, `storage-unavailable` of reading.
   */
  async function file(formId: string, name: string): Promise<DatasetDownload> {
    const dataset = await get(formId);
    for (const format of ['parquet', 'jsonl'] as const) {
      const found = dataset?.partitions.find((partition) => partition[format].name === name)?.[format];
      if (!found) continue;
      const blob = `${datasetArea(formId)}/${name}`;
      return { ...found, format, read: (range) => begun(deps.blobs.stream(blob, range, found.bytes)) };
    }
    throw new AppError('not-found', { detail: `The manifest of ${formId} names no file ${name}; read it again.` });
  }

  return { request, requestAll, requestOnce, update, get, file };
}
export type Datasets = ReturnType<typeof createDatasets>;

const markOf = ({ lease }: Cause, { version }: Dataset): string =>
  `${String(version + 1).padStart(6, '0')}-${sha256Hex(lease).slice(0, 8)}`;
const nameIn = (blob: string): string => blob.slice(blob.indexOf('/') + 1);
