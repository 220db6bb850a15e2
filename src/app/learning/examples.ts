import { may } from '#domain/actor.ts';
import { examplesUploaded, type Subject } from '#domain/consequences.ts';
import { AppError, type Issue } from '#domain/errors.ts';
import { type GivenFields, markFields } from '#domain/field-example.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import { type Example, type ExampleBatch, inBatches } from '#domain/learning.ts';
import type { NewTask } from '#domain/task.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Storage } from '#ports/storage.ts';
import type { Auditor, Caller } from '../audit.ts';
import { pages } from '../every.ts';
import { formOf } from '../form-versions.ts';
import { specOf } from './spec.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list'>;
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

/** What people teach a form: examples of its definition, uploads and reviews. */
export function createExamples(deps: Deps) {
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
    const { intelligence } = await formOf(storage, formId);
    const { items, issues: fieldIssues } = marked(intelligence, given);
    const issues = [...labelIssues(intelligence, items), ...fieldIssues].slice(0, 50);
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

  /**
   * Examples as they were given, in the order in which they count: those of the definition, then uploads and reviews as they came. Of the same text the last
   * one counts; the earlier ones are listed too, since only the whole set tells. Texts that came from reviews are what people wrote: only for those who may
   * read responses. Errors: `form-not-found`, `bad-cursor`.
   */
  async function list(
    caller: Caller,
    formId: string,
    query: { limit: number; after?: string },
  ): Promise<{ items: Example[]; next: string | undefined }> {
    const form = await formOf(storage, formId);
    const withReviews = may(caller.actor, 'responses:read');
    const items: Example[] = [];
    let { after, skip } = placeOf(query.after);
    if (after === inDefinition) {
      const own = ownExamples(await specOf(storage, form));
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

  /** All that a form of this definition learns from, in the order in which it counts: the later of the same text overrules the earlier. */
  async function* pagesOf(formId: string, spec: IntelligenceSpec | undefined): AsyncGenerator<Example[]> {
    yield ownExamples(spec);
    for await (const batches of pages((after) => batchesOf(formId, after, batchesAtOnce)))
      yield batches.items.flatMap(({ doc }) => doc.items);
  }

  return { upload, list, pagesOf };
}
export type Examples = ReturnType<typeof createExamples>;

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
