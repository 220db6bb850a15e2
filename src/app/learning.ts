import { may } from '#domain/actor.ts';
import { canonicalJson } from '#domain/canonical-json.ts';
import { AppError, type Issue } from '#domain/errors.ts';
import { type Form, versionId } from '#domain/form/form.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import type { Example, ExampleBatch, FormHead } from '#domain/learning.ts';
import type { NewTask } from '#domain/task.ts';
import { newTask } from '#domain/task-kinds.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Storage } from '#ports/storage.ts';
import type { TextClassifier } from '#ports/text-classifier.ts';
import type { Auditor, Caller } from './audit.ts';
import type { Cause } from './understanding.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list'>;
  classifier: Pick<TextClassifier, 'train'>;
  blobs: Pick<BlobStore, 'write' | 'remove' | 'describe'>;
  clock: Clock;
  ids: Ids;
  audit: Auditor;
  offer: (tasks: NewTask[]) => void;
};

/** Documents of examples read at once: each holds one upload, 16 MB of it by default, or one review. */
const page = 20;

export function createLearning(deps: Deps) {
  const { storage, clock } = deps;

  /** Keeps examples and asks for a training. Errors: `form-not-found`, `value-refused` with one issue for each label the form does not have. */
  async function upload(caller: Caller, formId: string, items: Example[]): Promise<{ taskId: string; kept: number }> {
    const form = await getForm(formId);
    const issues = labelIssues(form.intelligence, items);
    if (issues.length > 0) throw new AppError('value-refused', { detail: 'Nothing was kept.', issues });
    const now = clock.now();
    const doc: ExampleBatch = { id: deps.ids.next('exb'), formId, source: 'upload', at: now, items };
    const task = newTask('train-head', { id: `tsk_${doc.id.slice(4)}`, payload: { form_id: formId }, now });
    await storage.commit({
      change: { op: 'insert', kind: 'examples', doc },
      tasks: [task],
      audit: [deps.audit(caller, 'examples.upload', formId, { count: items.length })],
    });
    deps.offer([task]);
    return { taskId: task.id, kept: items.length };
  }

  /** Responses fit the published version, so its labels are the ones to learn, not those of a draft. A form that was never published has only its draft. */
  async function specOf(form: Form): Promise<IntelligenceSpec | undefined> {
    if (form.version === 0) return form.intelligence;
    return (await storage.get('form-version', versionId(form.id, form.version)))?.doc.intelligence;
  }

  /** What the form's head learns from now, the newest word on each text. */
  async function examples(form: Form, spec: IntelligenceSpec | undefined, withReviews = true): Promise<Example[]> {
    const byText = new Map<string, Example>();
    for (const { name, examples: own } of spec?.classify?.labels ?? []) {
      for (const text of own ?? []) byText.set(text, { text, label: name });
    }
    let after: string | undefined;
    do {
      const batches = await storage.list('examples', { where: { formId: form.id }, limit: page, after });
      for (const { doc } of batches.items) {
        if (doc.source === 'review' && !withReviews) continue;
        for (const item of doc.items) byText.set(item.text, item);
      }
      after = batches.next;
    } while (after !== undefined);
    return [...byText.values()];
  }

  /** Texts that came from reviews are what people wrote: only for those who may read responses. */
  async function listExamples(
    caller: Caller,
    formId: string,
    query: { limit: number; after?: string },
  ): Promise<{ items: Example[]; next: string | undefined }> {
    const form = await getForm(formId);
    const all = await examples(form, await specOf(form), may(caller.actor, 'responses:read'));
    const from = query.after === undefined ? 0 : Number(query.after);
    if (!Number.isSafeInteger(from) || from < 0) throw new AppError('bad-cursor');
    const items = all.slice(from, from + query.limit);
    return { items, next: from + items.length < all.length ? String(from + items.length) : undefined };
  }

  /** Trains the form's head on all its examples and puts it in the place of the one before. The same examples twice train once. */
  async function train(
    cause: Cause,
    formId: string,
    signal: AbortSignal,
  ): Promise<{ trained: boolean; reason?: string; head?: FormHead }> {
    const form = await getForm(formId);
    const spec = await specOf(form);
    const labels = new Set(spec?.classify?.labels.map(({ name }) => name));
    const all = (await examples(form, spec)).filter(({ label }) => label === null || labels.has(label));
    const known = all.filter((example): example is { text: string; label: string } => example.label !== null);
    const used = new Set(known.map(({ label }) => label)).size;
    if (used < 2) return { trained: false, reason: `examples for at least two labels are needed, there are ${used}` };

    const allowNone = spec?.classify?.allow_none === true;
    const examplesSha256 = sha256Hex(canonicalJson([allowNone, all]));
    const current = await storage.get('head', formId);
    if (current?.doc.examplesSha256 === examplesSha256 && (await deps.blobs.describe(current.doc.file)))
      return { trained: false, reason: 'nothing new to learn', head: current.doc };

    const none = all.filter(({ label }) => label === null).map(({ text }) => text);
    const trained = await deps.classifier.train({ examples: known, none, allowNone, signal });
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
      examplesSha256,
      trainedAt: clock.now(),
    };
    const change = current
      ? ({ op: 'update', kind: 'head', doc, expect: current.revision } as const)
      : ({ op: 'insert', kind: 'head', doc } as const);
    const result = await storage.commit({ change, cause });
    if (result.outcome === 'lease-lost') return { trained: false, reason: 'another worker has taken over' };
    // Another training finished first: try again on what it left, by the task's retry.
    if (result.outcome !== 'committed')
      throw new AppError('conflict', { detail: 'Another training of this form finished at the same time.' });
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

  return { upload, listExamples, train, head };
}
export type Learning = ReturnType<typeof createLearning>;

function labelIssues(spec: IntelligenceSpec | undefined, items: Example[]): Issue[] {
  const labels = spec?.classify?.labels.map(({ name }) => name) ?? [];
  const allowNone = spec?.classify?.allow_none === true;
  return items
    .flatMap(({ label }, i): Issue[] => {
      if (label === null ? allowNone : labels.includes(label)) return [];
      const detail =
        label === null
          ? 'The form does not allow "none"; set intelligence.classify.allow_none, or leave the example out.'
          : `The form has no label ${JSON.stringify(label)}; it has ${labels.slice(0, 20).join(', ') || 'none'}.`;
      return [{ pointer: `/${i}/label`, code: 'unknown-label', detail }];
    })
    .slice(0, 50);
}
