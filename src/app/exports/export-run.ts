import { csvHeader, csvLine } from '#domain/csv.ts';
import type { Export } from '#domain/export.ts';
import { planAllForms, planForm, type RowPlan } from '#domain/export-rows.ts';
import { withoutWithheld } from '#domain/form/withheld.ts';
import { maskResponse } from '#domain/mask.ts';
import type { KeptResponse } from '#domain/response.ts';
import { responseJson } from '#domain/response-view.ts';
import type { ExportWriter } from '#ports/export-writer.ts';
import type { Storage } from '#ports/storage.ts';
import { every } from '../every.ts';
import { allVersionsOf, maskPlansOf, withheldOf } from '../form-versions.ts';
import { type DiskGuard, refuseWhenDiskIsFull } from './disk-guard.ts';
import { responsePages } from './response-pages.ts';

type Deps = DiskGuard & { storage: Pick<Storage, 'list'>; writer: ExportWriter };

export type Run = {
  /** Responses submitted before this instant, epoch ms: `endOfExport`. */
  until: number;
  signal: AbortSignal;
  /** 0…1 */
  progress(fraction: number): void;
};

/** Takes pages of responses; `close` when there are no more. */
type Target = {
  write(responses: KeptResponse[]): Promise<void>;
  close(): Promise<void>;
  discard(): Promise<void>;
  /** Answers that did not fit their column so far. */
  misfits(): number;
};

/** Responses read at once: a page of 1 kB each goes through every step in a few milliseconds, and of 1 MB each still fits into the memory. */
const page = 200;

/**
 * Where an export that begins at `now` ends, for `Run.until`: at `to`, but what is accepted from now on is for the next one, since a busy form would else never come
 * to an end. What lies in the future has been accepted before all the same, by a clock that was set back since or by that of another host: it goes
 * up to the newest of that, which may let in some of what comes meanwhile and is an end as well.
 */
export async function endOfExport(
  storage: Pick<Storage, 'list' | 'responses'>,
  { formId, to = Number.POSITIVE_INFINITY }: { formId?: string | undefined; to?: number | undefined },
  now: number,
): Promise<number> {
  let end = now + 1;
  for await (const id of formId === undefined ? formIds(storage) : [formId])
    for (const { last } of await storage.responses.days({ formId: id, from: now + 1 })) end = Math.max(end, last + 1);
  return Math.min(to, end);
}

/** Writes the rows of an export into a new file at `path`. Errors: those of the store and the writer, `disk-nearly-full`, the signal's reason. */
export async function writeExport(
  deps: Deps,
  wish: Pick<Export, 'formId' | 'format' | 'mask' | 'from'>,
  path: string,
  run: Run,
): Promise<{ rows: number; misfits: number }> {
  const target = await openTarget(deps, wish, path, run.signal);
  let rows = 0;
  try {
    for await (const responses of pagesOf(deps.storage, wish, run)) {
      run.signal.throwIfAborted();
      await refuseWhenDiskIsFull(deps);
      await target.write(responses);
      rows += responses.length;
    }
    await target.close();
  } finally {
    await target.discard();
  }
  return { rows, misfits: target.misfits() };
}

async function openTarget(
  { storage, writer }: Deps,
  { formId, format }: Pick<Export, 'formId' | 'format'>,
  path: string,
  signal: AbortSignal,
): Promise<Target> {
  if (format === 'jsonl') {
    const file = await writer.openText({ path, gzip: true, signal });
    const lineOf = (response: KeptResponse) => `${responseJson(response)}\n`;
    return { ...file, write: (responses) => file.write(responses.map(lineOf)), misfits: () => 0 };
  }
  const plan = formId === undefined ? planAllForms() : planForm(await allVersionsOf(storage, formId));
  let misfits = 0;
  const cellsOf = (response: KeptResponse): ReturnType<RowPlan['rowOf']>['cells'] => {
    const row = plan.rowOf(response);
    misfits += row.misfits;
    return row.cells;
  };
  if (format === 'csv') {
    const file = await writer.openText({ path, gzip: false, signal });
    await file.write([csvHeader(plan.columns)]);
    const lineOf = (response: KeptResponse) => csvLine(cellsOf(response));
    return { ...file, write: (responses) => file.write(responses.map(lineOf)), misfits: () => misfits };
  }
  const file = await writer.openParquet({ path, columns: plan.columns, signal });
  return { ...file, write: (responses) => file.write(responses.map(cellsOf)), misfits: () => misfits };
}

/** Oldest first; of all forms, one form after the other (the store's index is by form and time). */
async function* pagesOf(
  storage: Deps['storage'],
  wish: Pick<Export, 'formId' | 'mask' | 'from'>,
  run: Run,
): AsyncGenerator<KeptResponse[]> {
  if (wish.formId !== undefined) {
    yield* pagesOfForm(storage, { ...wish, formId: wish.formId }, run);
    return;
  }
  for await (const formId of formIds(storage))
    yield* pagesOfForm(storage, { ...wish, formId }, { ...run, progress() {} });
}

async function* formIds(storage: Pick<Storage, 'list'>): AsyncGenerator<string> {
  for await (const { id } of every(storage, 'form')) yield id;
}

/** No format can leak what is not in the rows: answers that are withheld are taken out here, and personal data is masked here. */
async function* pagesOfForm(
  storage: Deps['storage'],
  { formId, from, mask }: Pick<Export, 'mask' | 'from'> & { formId: string },
  { until, progress }: Run,
): AsyncGenerator<KeptResponse[]> {
  const withheld = await withheldOf(storage, formId);
  const plans = mask === 'personal' ? await maskPlansOf(storage, formId) : undefined;
  const rowOf = (doc: KeptResponse): KeptResponse => {
    const open = withoutWithheld(doc, withheld);
    return plans ? maskResponse(open, plans.get(doc.formVersion)) : open;
  };
  let begin: number | undefined;
  for await (const responses of responsePages(storage, { formId, from, to: until, pageSize: page })) {
    const last = responses.at(-1);
    if (last === undefined) return;
    begin ??= responses[0]!.submittedAt;
    yield responses.map(rowOf);
    progress((last.submittedAt - begin) / Math.max(1, until - begin));
  }
}
