import { csvHeader, csvLine } from '#domain/csv.ts';
import type { Export } from '#domain/export.ts';
import { planAllForms, planForm, type RowPlan } from '#domain/export-rows.ts';
import type { KeptResponse } from '#domain/response.ts';
import { type Cover, covered } from '#domain/response-lines.ts';
import type { ExportWriter } from '#ports/export-writer.ts';
import type { LinePage, LinesQuery, Storage } from '#ports/storage.ts';
import { every } from '../every.ts';
import { allVersionsOf, maskPlansOf, withheldOf } from '../form-versions.ts';
import { type DiskGuard, refuseWhenDiskIsFull } from './disk-guard.ts';
import { responsePages } from './response-pages.ts';

type Deps = DiskGuard & {
  storage: Pick<Storage, 'list'> & { responses: Pick<Storage['responses'], 'lines'> };
  writer: ExportWriter;
};

export type Run = {
  /** Responses submitted before this instant, epoch ms: `endOfExport`. */
  until: number;
  signal: AbortSignal;
  /** 0…1 */
  progress(fraction: number): void;
};

/** Where pages go; `close` when there are no more. */
type Target<Page> = {
  write(page: Page): Promise<void>;
  close(): Promise<void>;
  discard(): Promise<void>;
  /** Answers that did not fit their column so far. */
  misfits(): number;
};

type Wish = Pick<Export, 'formId' | 'format' | 'mask' | 'from'>;
type ResponsePage = { responses: KeptResponse[]; count: number; first: number; last: number };

/** Responses read at once: a page of 1 kB each goes through every step in a few milliseconds, and of 1 MB each still fits into the memory. */
const pageSize = 200;

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
  wish: Wish,
  path: string,
  run: Run,
): Promise<{ rows: number; misfits: number }> {
  if (wish.format === 'jsonl') {
    const file = await deps.writer.openText({ path, gzip: true, signal: run.signal });
    const write = ({ bytes }: LinePage) => file.write([bytes]);
    return pour(deps, run, ofForms(deps.storage, wish, run, linesOf), { ...file, write, misfits: () => 0 });
  }
  const target = await openTable(deps, { ...wish, format: wish.format }, path, run.signal);
  return pour(deps, run, ofForms(deps.storage, wish, run, responsesOf), target);
}

async function pour<P extends { count: number }>(
  deps: DiskGuard,
  { signal }: Run,
  pages: AsyncIterable<P>,
  target: Target<P>,
): Promise<{ rows: number; misfits: number }> {
  let rows = 0;
  try {
    for await (const page of pages) {
      signal.throwIfAborted();
      await refuseWhenDiskIsFull(deps);
      await target.write(page);
      rows += page.count;
    }
    await target.close();
  } finally {
    await target.discard();
  }
  return { rows, misfits: target.misfits() };
}

/** Files whose columns are those of the form's questions. */
async function openTable(
  { storage, writer }: Deps,
  { formId, format }: { formId: string | undefined; format: Exclude<Export['format'], 'jsonl'> },
  path: string,
  signal: AbortSignal,
): Promise<Target<ResponsePage>> {
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
    return { ...file, write: ({ responses }) => file.write(responses.map(lineOf)), misfits: () => misfits };
  }
  const file = await writer.openParquet({ path, columns: plan.columns, signal });
  return { ...file, write: ({ responses }) => file.write(responses.map(cellsOf)), misfits: () => misfits };
}

type PageOf<P> = (storage: Deps['storage'], query: LinesQuery) => AsyncIterable<P>;
const linesOf: PageOf<LinePage> = (storage, query) => storage.responses.lines(query);
const responsesOf: PageOf<ResponsePage> = async function* (storage, { cover, ...query }) {
  for await (const responses of responsePages(storage, { ...query, pageSize }))
    if (responses.length > 0)
      yield {
        responses: responses.map((response) => covered(response, cover)),
        count: responses.length,
        first: responses[0]!.submittedAt,
        last: responses.at(-1)!.submittedAt,
      };
};

/** Oldest first; of all forms, one form after the other (the store's index is by form and time). */
async function* ofForms<P extends { first: number; last: number }>(
  storage: Deps['storage'],
  wish: Wish,
  run: Run,
  pageOf: PageOf<P>,
): AsyncGenerator<P> {
  if (wish.formId !== undefined) {
    yield* ofForm(storage, { ...wish, formId: wish.formId }, run, pageOf);
    return;
  }
  for await (const formId of formIds(storage))
    yield* ofForm(storage, { ...wish, formId }, { ...run, progress() {} }, pageOf);
}

async function* formIds(storage: Pick<Storage, 'list'>): AsyncGenerator<string> {
  for await (const { id } of every(storage, 'form')) yield id;
}

/** No format can leak what is not in the rows: answers that are withheld are taken out here, and personal data is masked here. */
async function* ofForm<P extends { first: number; last: number }>(
  storage: Deps['storage'],
  { formId, from, mask }: Wish & { formId: string },
  { until, progress }: Run,
  pageOf: PageOf<P>,
): AsyncGenerator<P> {
  const cover: Cover = {
    withheld: await withheldOf(storage, formId),
    masks: mask === 'personal' ? await maskPlansOf(storage, formId) : undefined,
  };
  let begin: number | undefined;
  for await (const page of pageOf(storage, { formId, from, to: until, cover })) {
    begin ??= page.first;
    yield page;
    progress((page.last - begin) / Math.max(1, until - begin));
  }
}
