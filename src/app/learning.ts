import { may } from '#domain/actor.ts';
import { examplesUploaded, type Subject } from '#domain/consequences.ts';
import { AppError, type Issue } from '#domain/errors.ts';
import { type GivenFields, markFields } from '#domain/field-example.ts';
import { type Form, versionId } from '#domain/form/form.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import { type Example, type ExampleBatch, type FormHead, inBatches } from '#domain/learning.ts';
import type { NewTask } from '#domain/task.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Storage } from '#ports/storage.ts';
import type { TextClassifier } from '#ports/text-classifier.ts';
import type { Auditor, Caller } from './audit.ts';
import { type Embedding, plainPages } from './embedding.ts';
import { pages } from './every.ts';
import type { Cause } from './understanding.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list'>;
  classifier: Pick<TextClassifier, 'train'>;
  /** Absent: heads learn from words alone. */
  embedding?: Pick<Embedding, 'lesson'>;
  blobs: Pick<BlobStore, 'write' | 'remove' | 'describe'>;
  clock: Clock;
  ids: Ids;
  audit: Auditor;
  offer: (tasks: NewTask[]) => void;
};

/** Documents of examples read at once: each holds up to 200,000 characters of an upload, or one review, and is parsed on the thread that answers requests. */
const batchesAtOnce = 5;
/** The place of the listing that is among the examples of the form's definition. */
const inDefinition = 'definition';

/** An example as it is uploaded: fields by their value as written, or by place. */
export type UploadedExample = Omit<Example, 'fields'> & { fields?: GivenFields };

export function createLearning(deps: Deps) {
  const { storage, clock } = deps;

  /**
   * Keeps examples and asks for the trainings they call for. Errors: `form-not-found`, `value-refused` with one issue for each label or field that the form
   * does not have, and for each value that is not in its text.
   */
  async function upload(
    caller: Caller,
    formId: string,
    given: UploadedExample[],
  ): Promise<{ taskIds: string[]; kept: number }> {
    const form = await getForm(formId);
    const { items, issues: fieldIssues } = marked(form.intelligence, given);
    const issues = [...labelIssues(form.intelligence, items), ...fieldIssues].slice(0, 50);
    if (issues.length > 0) throw new AppError('value-refused', { detail: 'Nothing was kept.', issues });
    const now = clock.now();
    const [first, ...others] = inBatches(items).map(
      (some): ExampleBatch => ({ id: deps.ids.next('exb'), formId, source: 'upload', at: now, items: some }),
    );
    const subjects: Subject[] = [];
    if (items.some(({ label }) => label !== undefined)) subjects.push('head');
    if (items.some(({ fields }) => fields !== undefined)) subjects.push('tagger');
    const tasks = examplesUploaded(formId, first!.id, now, subjects);
    await storage.commit({
      change: { op: 'insert', kind: 'examples', doc: first! },
      also: others.map((doc) => ({ kind: 'examples', doc })),
      tasks,
      audit: [deps.audit(caller, 'examples.upload', formId, { count: items.length })],
    });
    deps.offer(tasks);
    return { taskIds: tasks.map(({ id }) => id), kept: items.length };
  }

  /** Responses fit the published version, so its labels are the ones to learn, not those of a draft. A form that was never published has only its draft. */
  async function specOf(form: Form): Promise<IntelligenceSpec | undefined> {
    if (form.version === 0) return form.intelligence;
    return (await storage.get('form-version', versionId(form.id, form.version)))?.doc.intelligence;
  }

  /**
   * Examples as they were given, in the order in which they count: those of the definition, then uploads and reviews as they came. Of the same text the last
   * one counts; the earlier ones are listed too, since only the whole set tells. Texts that came from reviews are what people wrote: only for those who may
   * read responses. Errors: `form-not-found`, `bad-cursor`.
   */
  async function listExamples(
    caller: Caller,
    formId: string,
    query: { limit: number; after?: string },
  ): Promise<{ items: Example[]; next: string | undefined }> {
    const form = await getForm(formId);
    const withReviews = may(caller.actor, 'responses:read');
    const items: Example[] = [];
    let { after, skip } = placeOf(query.after);
    if (after === inDefinition) {
      const own = ownExamples(await specOf(form));
      items.push(...own.slice(skip, skip + query.limit));
      const given = skip + items.length;
      if (given < own.length) return { items, next: markOf({ after, skip: given }) };
      [after, skip] = [undefined, 0];
    }
    for (;;) {
      const batches = await batchesOf(formId, after, Math.min(batchesAtOnce, query.limit));
      const all = batches.items.flatMap(({ doc }) => doc.items.map((item) => ({ item, source: doc.source })));
      for (let i = skip; i < all.length; i++) {
        if (items.length === query.limit) return { items, next: markOf({ after, skip: i }) };
        if (withReviews || all[i]!.source !== 'review') items.push(all[i]!.item);
      }
      if (batches.next === undefined) return { items, next: undefined };
      [after, skip] = [batches.next, Math.max(0, skip - all.length)];
      if (items.length === query.limit) return { items, next: markOf({ after, skip }) };
    }
  }

  const batchesOf = (formId: string, after: string | undefined, limit: number) =>
    storage.list('examples', { where: { formId }, limit, after });

  /** All that the form's head learns from, in the order in which it counts. */
  async function* pagesOf(formId: string, spec: IntelligenceSpec | undefined): AsyncGenerator<Example[]> {
    yield ownExamples(spec);
    for await (const batches of pages((after) => batchesOf(formId, after, batchesAtOnce)))
      yield batches.items.flatMap(({ doc }) => doc.items);
  }

  /** Trains the form's head on all its examples and puts it in the place of the one before. The same examples twice train once. */
  async function train(
    cause: Cause,
    formId: string,
    signal: AbortSignal,
  ): Promise<{ trained: boolean; reason?: string; head?: FormHead }> {
    const form = await getForm(formId);
    const spec = await specOf(form);
    const current = await storage.get('head', formId);
    const usable = current && (await deps.blobs.describe(current.doc.file)) ? current.doc : undefined;
    const pages = pagesOf(formId, spec);
    const lesson = await deps.embedding?.lesson(formId, pages, signal);
    const trained = await deps.classifier.train({
      pages: lesson?.pages ?? plainPages(pages),
      labels: spec?.classify?.labels.map(({ name }) => name) ?? [],
      allowNone: spec?.classify?.allow_none === true,
      seen: usable,
      signal,
    });
    // Whatever came of it: texts that are no examples any more are to leave the vectors too.
    await lesson?.keep();
    if (trained.outcome === 'too-few-labels')
      return { trained: false, reason: `examples for at least two labels are needed, there are ${trained.labels}` };
    if (trained.outcome === 'unchanged') return { trained: false, reason: 'nothing new to learn', head: usable };

    // Of this form alone: two forms with the same examples have the same bytes, and one of them may learn more.
    const file = `heads/${formId}-${trained.sha256}.head`;
    await deps.blobs.write(file, trained.bytes);
    const { report } = trained;
    const doc: FormHead = {
      id: formId,
      sha256: trained.sha256,
      file,
      labels: trained.labels,
      examples: report.examples,
      accuracy: report.accuracy,
      calibrationError: report.calibrationError,
      threshold: report.threshold,
      milliseconds: report.milliseconds,
      examplesSha256: trained.examplesSha256,
      ...(trained.embeddingSha256 !== undefined && { embeddingSha256: trained.embeddingSha256 }),
      trainedAt: clock.now(),
    };
    const change = current
      ? ({ op: 'update', kind: 'head', doc, expect: current.revision } as const)
      : ({ op: 'insert', kind: 'head', doc } as const);
    const result = await storage.commit({ change, cause });
    if (result.outcome === 'lease-lost') return { trained: false, reason: 'another worker has taken over' };
    if (result.outcome !== 'committed') {
      // Another training finished first. The same examples give the same bytes: then there is nothing left to do. Else by the task's retry on what it left.
      const there = (await storage.get('head', formId))?.doc;
      if (there?.sha256 === doc.sha256) return { trained: false, reason: 'nothing new to learn', head: there };
      throw new AppError('conflict', { detail: 'Another training of this form finished at the same time.' });
    }
    // 8 MB with 77 labels, at every burst of reviews. One that cannot be removed now stays: it harms nobody.
    if (current && current.doc.file !== file) await deps.blobs.remove(current.doc.file).catch(() => {});
    return { trained: true, head: doc };
  }

  async function head(formId: string): Promise<FormHead | undefined> {
    await getForm(formId);
    return (await storage.get('head', formId))?.doc;
  }

  async function getForm(id: string): Promise<Form> {
    const found = await storage.get('form', id);
    if (!found) throw new AppError('form-not-found', { detail: `There is no form ${id}.` });
    return found.doc;
  }

  return {
    upload,
    listExamples,
    train,
    head,
    /** Pages of all the examples of a form, the later of the same text counts. */
    examplesOf: pagesOf,
  };
}
export type Learning = ReturnType<typeof createLearning>;

function ownExamples(spec: IntelligenceSpec | undefined): Example[] {
  return (spec?.classify?.labels ?? []).flatMap(({ name, examples = [] }) =>
    examples.map((text) => ({ text, label: name })),
  );
}

/** After the store's mark `after`, `skip` examples on: a batch is longer than a page may be. */
type Place = { after: string | undefined; skip: number };

const markOf = ({ after, skip }: Place): string => `${skip}@${after ?? ''}`;

function placeOf(mark: string | undefined): Place {
  if (mark === undefined) return { after: inDefinition, skip: 0 };
  const [, skip, after] = /^(\d{1,9})@(.*)$/.exec(mark) ?? [];
  if (skip === undefined) throw new AppError('bad-cursor');
  return { after: after || undefined, skip: Number(skip) };
}

/** Examples with the places of their fields, or what is wrong with these. */
function marked(
  spec: IntelligenceSpec | undefined,
  given: readonly UploadedExample[],
): { items: Example[]; issues: Issue[] } {
  const names = spec?.extract?.fields.map(({ name }) => name) ?? [];
  const issues: Issue[] = [];
  const items = given.map(({ fields, ...item }, i): Example => {
    if (fields === undefined) return item;
    const found = markFields(item.text, fields, names);
    for (const issue of found.issues) issues.push({ ...issue, pointer: `/${i}${issue.pointer}` });
    return { ...item, fields: found.marks };
  });
  return { items, issues };
}

function labelIssues(spec: IntelligenceSpec | undefined, items: Example[]): Issue[] {
  const labels = spec?.classify?.labels.map(({ name }) => name) ?? [];
  const allowNone = spec?.classify?.allow_none === true;
  return items.flatMap(({ label }, i): Issue[] => {
    if (label === undefined || (label === null ? allowNone : labels.includes(label))) return [];
    const detail =
      label === null
        ? 'The form does not allow "none"; set intelligence.classify.allow_none, or leave the example out.'
        : `The form has no label ${JSON.stringify(label)}; it has ${labels.slice(0, 20).join(', ') || 'none'}.`;
    return [{ pointer: `/${i}/label`, code: 'unknown-label', detail }];
  });
}
