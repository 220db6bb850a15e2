import { announce, eventId, nothing, type Subject, trainSoon, understand } from '#domain/consequences.ts';
import { AppError, type Issue } from '#domain/errors.ts';
import { reviewedFields } from '#domain/field-example.ts';
import { fieldValue } from '#domain/field-value.ts';
import { below } from '#domain/form/checks.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import type { Example, ExampleBatch } from '#domain/learning.ts';
import type { KeptResponse, Review } from '#domain/response.ts';
import { responseView } from '#domain/response-view.ts';
import type { NewTask } from '#domain/task.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Query, Storage, Stored } from '#ports/storage.ts';
import { type Auditor, actorName, type Caller } from './audit.ts';
import type { FormCatalog } from './form-catalog.ts';
import { withheldOf } from './form-versions.ts';
import type { WantsEvent } from './responses.ts';
import { textsOf } from './search/text-of.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list'>;
  catalog: Pick<FormCatalog, 'form' | 'version'>;
  clock: Clock;
  ids: Ids;
  audit: Auditor;
  wantsEvent: WantsEvent;
  offer: (tasks: NewTask[]) => void;
};

export type Correction = { label?: string | null; fields?: Record<string, string>; reply?: string };

/** What people do with kept responses: read them, correct what the machine understood, have it read again. */
export function createReviews(deps: Deps) {
  const { storage } = deps;

  async function get(id: string): Promise<Stored<'response'>> {
    const found = await storage.get('response', id);
    if (!found) throw new AppError('response-not-found', { detail: `There is no response ${id}.` });
    return found;
  }

  /** `form`: id or slug. Errors: `form-not-found`. */
  async function list(
    form: string,
    query: Omit<Query<'response'>, 'where' | 'notIn'> & { label?: string; status?: 'accepted' | 'completed' },
  ) {
    const { id: formId } = await deps.catalog.form(form);
    const { label, status, ...rest } = query;
    const notIn = query.text === undefined ? undefined : [...(await withheldOf(storage, formId))];
    return storage.list('response', { ...rest, notIn, where: { formId, label, status } });
  }

  /**
   * Keeps a person's correction beside the machine's result; a label, and fields whose place in the text can be told, become examples that the next
   * trainings learn from.
   * A later review replaces an earlier one. Errors: `response-not-found`, `value-refused`, `conflict`.
   */
  async function review(caller: Caller, id: string, correction: Correction): Promise<KeptResponse> {
    const stored = await get(id);
    const form = await deps.catalog.form(stored.doc.formId);
    const { version } = await deps.catalog.version(form, stored.doc.formVersion);
    const { issues, fields } = checked(version.intelligence, correction);
    if (issues.length > 0) throw new AppError('value-refused', { issues });

    const now = deps.clock.now();
    const review: Review = {
      ...stored.doc.review,
      ...correction,
      ...(fields && { fields }),
      by: actorName(caller.actor),
      at: now,
    };
    const doc: KeptResponse = { ...stored.doc, review };
    const texts = textsOf(doc, version.intelligence?.text ?? version.compiled.texts);
    const lesson = lessonOf(texts, version.intelligence, doc, correction.label, fields);
    const example: ExampleBatch = {
      id: deps.ids.next('exb'),
      formId: doc.formId,
      source: 'review',
      at: now,
      items: lesson.items,
    };
    const training = trainSoon(doc.formId, now, lesson.subjects);
    const wanted = await deps.wantsEvent('response.reviewed', doc.formId);
    const event = wanted
      ? announce({
          id: eventId(doc.id, `reviewed-${stored.revision}`),
          type: 'response.reviewed',
          at: now,
          data: responseView(doc),
          formId: doc.formId,
          responseId: doc.id,
        })
      : nothing;
    const tasks = [...training.tasks, ...event.tasks];
    const result = await storage.commit({
      change: { op: 'update', kind: 'response', doc, expect: stored.revision },
      also: [...event.also, ...(lesson.items.length > 0 ? [{ kind: 'examples' as const, doc: example }] : [])],
      tasks,
      audit: [deps.audit(caller, 'response.review', id)],
    });
    if (result.outcome !== 'committed') {
      throw new AppError('conflict', {
        detail: 'The response changed while you reviewed it; read it again and repeat the review.',
      });
    }
    deps.offer(tasks);
    return doc;
  }

  /** Reads the response again with what the form's head knows now. Errors: `response-not-found`, `conflict` for a form that asks for nothing. */
  async function reprocess(caller: Caller, id: string): Promise<string> {
    const { doc } = await get(id);
    const form = await deps.catalog.form(doc.formId);
    const { version } = await deps.catalog.version(form, doc.formVersion);
    if (!version.intelligence)
      throw new AppError('conflict', { detail: 'The form version of this response asks for no understanding.' });
    const { tasks } = understand(doc.id, deps.clock.now(), deps.ids.next('tsk').slice(4));
    await storage.commit({ change: { op: 'none' }, tasks, audit: [deps.audit(caller, 'response.reprocess', id)] });
    deps.offer(tasks);
    return tasks[0]!.id;
  }

  return { get, list, review, reprocess };
}
export type Reviews = ReturnType<typeof createReviews>;

/** What a review teaches, and whom. The head reads all texts as one, the tagger each for itself. */
function lessonOf(
  texts: { question: string; text: string }[],
  spec: IntelligenceSpec | undefined,
  { understanding }: KeptResponse,
  label: string | null | undefined,
  fields: Record<string, string> | undefined,
): { items: Example[]; subjects: Subject[] } {
  const items: Example[] = [];
  const subjects: Subject[] = [];
  if (label !== undefined && texts.length > 0) {
    items.push({ text: texts.map(({ text }) => text).join('\n\n'), label });
    subjects.push('head');
  }
  const extracted = understanding?.extract?.fields;
  const marked =
    fields === undefined
      ? []
      : reviewedFields({ specs: spec?.extract?.fields ?? [], texts, extracted, corrected: fields });
  if (marked.length > 0) subjects.push('tagger');
  for (const example of marked) {
    const same = items.find(({ text }) => text === example.text);
    if (same) same.fields = example.fields;
    else items.push(example);
  }
  return { items, subjects };
}

/** What is wrong with a correction, and its fields in their normal form. */
function checked(
  spec: IntelligenceSpec | undefined,
  correction: Correction,
): { issues: Issue[]; fields: Record<string, string> | undefined } {
  const issues = labelIssues(spec, correction.label);
  if (correction.fields === undefined) return { issues, fields: undefined };
  const specs = new Map(spec?.extract?.fields.map((field) => [field.name, field]));
  const fields: [string, string][] = [];
  for (const [name, text] of Object.entries(correction.fields)) {
    const pointer = below('/fields', name.slice(0, 100));
    const field = specs.get(name);
    if (!field) {
      const detail = `The form extracts no field ${JSON.stringify(name.slice(0, 100))}.`;
      issues.push({ pointer, code: 'unknown-field', detail });
      continue;
    }
    const found = fieldValue(field, text);
    if ('problem' in found) issues.push({ pointer, code: 'wrong-value', detail: found.problem });
    else fields.push([name, found.value]);
  }
  return { issues, fields: Object.fromEntries(fields) };
}

function labelIssues(spec: IntelligenceSpec | undefined, label: string | null | undefined): Issue[] {
  if (label === undefined) return [];
  const labels = spec?.classify?.labels.map(({ name }) => name) ?? [];
  const has = `it has ${labels.join(', ') || 'none'}`;
  if (label !== null) {
    if (labels.includes(label)) return [];
    return [
      { pointer: '/label', code: 'unknown-label', detail: `The form has no label ${JSON.stringify(label)}; ${has}.` },
    ];
  }
  if (spec?.classify?.allow_none === true) return [];
  // As for examples: what nobody may say, no training may learn.
  const detail = `The form does not allow "none" (intelligence.classify.allow_none); ${has}.`;
  return [{ pointer: '/label', code: 'unknown-label', detail }];
}
