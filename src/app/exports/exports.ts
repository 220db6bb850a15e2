import { announce, type Consequences, eventId, nothing } from '#domain/consequences.ts';
import { AppError } from '#domain/errors.ts';
import type { Export, ExportFormat } from '#domain/export.ts';
import { exportArea, exportFile, exportView } from '#domain/export-view.ts';
import type { ExportMask } from '#domain/mask.ts';
import { withApplied } from '#domain/response.ts';
import { isFinished, type NewTask, type QueueName, type TaskError } from '#domain/task.ts';
import { newTask } from '#domain/task-kinds.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { DiskSpace } from '#ports/disk-space.ts';
import type { ExportWriter } from '#ports/export-writer.ts';
import type { Ids } from '#ports/ids.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { Page, Storage } from '#ports/storage.ts';
import type { Auditor, Caller } from '../audit.ts';
import { formOf } from '../form-versions.ts';
import type { WantsEvent } from '../responses.ts';
import type { Cause } from '../understanding.ts';
import { endOfExport, type Run, writeExport } from './export-run.ts';
import { begun } from './file-stream.ts';

/** `from` inclusive, `to` exclusive, epoch milliseconds, by the time of submission. `mask` is `none` when absent. */
export type ExportWish = { formId?: string; format: ExportFormat; mask?: ExportMask; from?: number; to?: number };

export type ExportReport = { rows: number; bytes: number; sha256: string; misfits: number };

export type Download = {
  export: Export & { status: 'ready'; file: string; bytes: number; sha256: string };
  /** The bytes of the file, `start` and `end` inclusive. Errors: `gone`, `storage-unavailable`, both before the first chunk. */
  read(range?: { start: number; end: number }): Promise<AsyncIterable<Uint8Array>>;
};

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list' | 'responses' | 'tasks'>;
  blobs: Pick<BlobStore, 'stage' | 'stream' | 'remove' | 'list'>;
  writer: ExportWriter;
  disk: DiskSpace;
  /** What an export leaves free on the disk: the responses that come in meanwhile need it. */
  diskReserveBytes: number;
  wantsEvent: WantsEvent;
  clock: Clock;
  ids: Pick<Ids, 'next'>;
  audit: Auditor;
  offer: (tasks: NewTask[]) => void;
  metrics: Pick<Metrics, 'count' | 'observe'>;
};

/** Somebody waits for an export of so many rows: it takes about a second, and goes ahead of the long ones. */
const smallRows = 5_000;

/*
 * Life of an export: pending ──run──▶ ready
 *                       ▲ └──────────▶ failed   (its task is out of tries or was cancelled)
 *                       └──requeue of the dead letter──┘
 */
export function createExports(deps: Deps) {
  const { storage, clock } = deps;

  /**
   * Asks for an export; the same `id` again asks for nothing new. Errors: `form-not-found`, `value-refused` when the range is empty.
   * `waited`: somebody waits for it (a small one goes ahead of the others).
   */
  async function request(
    caller: Caller,
    wish: ExportWish,
    { id = deps.ids.next('exp') as string, waited = true } = {},
  ): Promise<{ exportId: string; taskId: string }> {
    const { formId, format, mask = 'none', from, to } = wish;
    if (formId !== undefined) await formOf(storage, formId);
    if (from !== undefined && to !== undefined && from >= to)
      throw new AppError('value-refused', {
        detail: 'The range is empty.',
        issues: [{ pointer: '/to', code: 'range-empty', detail: 'must be later than from' }],
      });
    const now = clock.now();
    const taskId = `tsk_${id.slice(4)}`;
    const doc: Export = {
      id,
      formId,
      format,
      mask,
      from,
      to,
      status: 'pending',
      taskId,
      file: undefined,
      rows: undefined,
      bytes: undefined,
      sha256: undefined,
      error: undefined,
      createdAt: now,
      finishedAt: undefined,
      applied: [],
    };
    const queue = waited ? await queueFor(wish) : undefined;
    const task = newTask('run-export', { id: taskId, payload: { export_id: id }, now, queue });
    const result = await storage.commit({
      change: { op: 'insert', kind: 'export', doc },
      tasks: [task],
      audit: [deps.audit(caller, 'export.create', id, { format, mask, form_id: formId ?? null })],
    });
    if (result.outcome === 'committed') deps.offer([task]);
    return { exportId: id, taskId };
  }

  async function queueFor({ formId, from, to }: ExportWish): Promise<QueueName | undefined> {
    if (formId === undefined) return undefined;
    const { total } = await storage.responses.analytics({ formId, fields: [], from, to });
    return total <= smallRows ? 'high-priority' : undefined;
  }

  /**
   * Writes the file and makes the export ready, in one commit with its event. Run again it leaves what is ready as it is, and else writes a file anew.
   * Errors: `not-found`, `disk-nearly-full`, `storage-unavailable`, `conflict` when another worker has taken over, the signal's reason; after any of them nothing of the file is left,
   * but where nobody can tell whether the commit has happened.
   */
  async function run(cause: Cause, id: string, control: Omit<Run, 'until'>): Promise<ExportReport> {
    const { doc, revision } = await find(id);
    if (doc.status === 'ready') return { ...readyFile(doc), rows: doc.rows!, misfits: 0 };
    const startedAt = performance.now();
    const file = exportFile(doc, cause.lease);
    const until = await endOfExport(storage, doc, clock.now());
    const staged = await deps.blobs.stage(file);
    const report = await writeExport(deps, doc, staged.path, { ...control, until })
      .then(async (written) => ({ ...written, ...(await staged.finish()) }))
      .catch(async (err) => {
        // The first error is the one that counts; a file that cannot be removed now goes at the next start.
        await staged.discard().catch(() => {});
        throw err;
      });

    const ready: Export = {
      ...doc,
      status: 'ready',
      file,
      rows: report.rows,
      bytes: report.bytes,
      sha256: report.sha256,
      error: undefined,
      finishedAt: clock.now(),
      applied: withApplied(doc.applied, cause.taskId),
    };
    const follow = await newsOf(ready);
    const change = { op: 'update', kind: 'export', doc: ready, expect: revision } as const;
    const { outcome } = await storage.commit({ change, ...follow, cause });
    if (outcome !== 'committed') {
      await deps.blobs.remove(file);
      throw new AppError('conflict', { detail: `Another worker has taken over ${id}.` });
    }
    deps.offer(follow.tasks);
    // The export is ready: what cannot be removed now takes only room.
    await tidy(id, file).catch(() => {});
    deps.metrics.count('formstead_export_rows_total', { format: doc.format }, report.rows);
    deps.metrics.observe('formstead_export_seconds', { format: doc.format }, (performance.now() - startedAt) / 1000);
    return report;
  }

  /** Removes the files of other attempts: of those that ended between their file and their commit. */
  async function tidy(id: string, kept?: string): Promise<void> {
    for (const { name } of await deps.blobs.list(exportArea))
      if (name.startsWith(`${exportArea}/${id}`) && name !== kept) await deps.blobs.remove(name);
  }

  async function newsOf(doc: Export): Promise<Consequences> {
    if (!(await deps.wantsEvent('export.ready', doc.formId))) return nothing;
    const id = eventId(doc.id, 'ready');
    return announce({ id, type: 'export.ready', at: doc.finishedAt!, data: exportView(doc), formId: doc.formId });
  }

  /** No attempt is left: the export says why. A requeued task makes it ready all the same. */
  async function fail(cause: Cause, id: string, error: TaskError): Promise<void> {
    const { doc, revision } = await find(id);
    if (doc.status === 'ready') return;
    const failed: Export = { ...doc, status: 'failed', error: reasonOf(error), finishedAt: clock.now() };
    const change = { op: 'update', kind: 'export', doc: failed, expect: revision } as const;
    const { outcome } = await storage.commit({ change, cause });
    if (outcome === 'committed') await tidy(id);
  }

  async function find(id: string) {
    const found = await storage.get('export', id);
    if (!found) throw new AppError('not-found', { detail: `There is no export ${id}.` });
    return found;
  }

  /** A task may end without its handler (cancelled before it ran, its worker killed at the last attempt) and start again (requeued): it decides. */
  async function asItStands(doc: Export): Promise<Export> {
    if (doc.status === 'ready') return doc;
    const task = await storage.tasks.get(doc.taskId);
    if (task && !isFinished(task.status)) return { ...doc, status: 'pending', error: undefined, finishedAt: undefined };
    // It has become ready since it was read.
    if (task?.status === 'succeeded') return (await find(doc.id)).doc;
    const error = task?.error ? reasonOf(task.error) : 'The task was cancelled.';
    return { ...doc, status: 'failed', error: doc.error ?? error, finishedAt: doc.finishedAt ?? task?.finishedAt };
  }

  /** Errors: `not-found`. */
  async function get(id: string): Promise<Export> {
    return asItStands((await find(id)).doc);
  }

  async function list(query: {
    limit: number;
    after?: string;
  }): Promise<Pick<Page<'export'>, 'next'> & { items: Export[] }> {
    const page = await storage.list('export', { limit: query.limit, after: query.after, newestFirst: true });
    return { items: await Promise.all(page.items.map(({ doc }) => asItStands(doc))), next: page.next };
  }

  /** Errors: `not-found`, `conflict` while there is no file. */
  async function download(id: string): Promise<Download> {
    const doc = await get(id);
    if (doc.status !== 'ready') {
      const detail =
        doc.status === 'pending' ? `The export is not ready yet; follow its task ${doc.taskId}.` : 'The export failed.';
      throw new AppError('conflict', { detail });
    }
    const ready = { ...doc, ...readyFile(doc), status: 'ready' as const };
    return { export: ready, read: (range) => begun(deps.blobs.stream(ready.file, range, ready.bytes)) };
  }

  return { request, run, fail, get, list, download };
}
export type Exports = ReturnType<typeof createExports>;

/** What `run` has written with `ready`. */
function readyFile({ file, bytes, sha256 }: Export): { file: string; bytes: number; sha256: string } {
  return { file: file!, bytes: bytes!, sha256: sha256! };
}

const reasonOf = ({ code, detail }: TaskError): string => (detail === '' ? code : `${code}: ${detail}`);
