import { AppError } from '#domain/errors.ts';
import type { FieldExample, FieldMark } from '#domain/field-example.ts';
import { type Form, versionId } from '#domain/form/form.ts';
import type { FieldSpec } from '#domain/intelligence.ts';
import type { FormTagger } from '#domain/learning.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { SequenceTagger } from '#ports/sequence-tagger.ts';
import type { Storage } from '#ports/storage.ts';
import type { TextReader } from '#ports/text-reader.ts';
import { every } from '../every.ts';
import type { Cause } from '../understanding.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list'>;
  tagger: Pick<SequenceTagger, 'train'>;
  reader: Pick<TextReader, 'read'>;
  blobs: Pick<BlobStore, 'write' | 'remove' | 'describe'>;
  clock: Clock;
  timeZone: string;
  /** As for reading responses. */
  region: string | undefined;
};

/** As for labels (`learning.ts`). */
const batchesAtOnce = 5;

/** How a form learns where its fields stand in a text: from uploads and from what people corrected. */
export function createFieldLearning(deps: Deps) {
  const { storage, clock } = deps;

  /** Trains the form's tagger on all its examples and puts it in the place of the one before. The same examples twice train once. */
  async function train(
    cause: Cause,
    formId: string,
    signal: AbortSignal,
  ): Promise<{ trained: boolean; reason?: string; tagger?: FormTagger }> {
    const form = await getForm(formId);
    const fields = await fieldsOf(form);
    const current = await storage.get('tagger', formId);
    const usable = current && (await deps.blobs.describe(current.doc.file)) ? current.doc : undefined;
    const pages = pagesOf(formId, fields);
    const trained = await deps.tagger.train({ pages, fields, seen: usable?.examplesSha256, signal });
    if (trained.outcome === 'too-few-examples') {
      const reason = `${trained.needed} texts with a field in them are needed, there are ${trained.examples}`;
      return { trained: false, reason };
    }
    if (trained.outcome === 'unchanged') return { trained: false, reason: 'nothing new to learn', tagger: usable };

    // Of this form alone: two forms with the same examples have the same bytes, and one of them may learn more.
    const file = `taggers/${formId}-${trained.sha256}.tagger`;
    await deps.blobs.write(file, trained.bytes);
    const doc: FormTagger = {
      id: formId,
      sha256: trained.sha256,
      file,
      fields: trained.fields,
      ...trained.report,
      examplesSha256: trained.examplesSha256,
      trainedAt: clock.now(),
    };
    const change = current
      ? ({ op: 'update', kind: 'tagger', doc, expect: current.revision } as const)
      : ({ op: 'insert', kind: 'tagger', doc } as const);
    const result = await storage.commit({ change, cause });
    if (result.outcome === 'lease-lost') return { trained: false, reason: 'another worker has taken over' };
    if (result.outcome !== 'committed') {
      // Another training finished first. The same examples give the same bytes: then there is nothing left to do. Else by the task's retry on what it left.
      const there = (await storage.get('tagger', formId))?.doc;
      if (there?.sha256 === doc.sha256) return { trained: false, reason: 'nothing new to learn', tagger: there };
      throw new AppError('conflict', { detail: 'Another training of this form finished at the same time.' });
    }
    if (current && current.doc.file !== file) await deps.blobs.remove(current.doc.file).catch(() => {});
    return { trained: true, tagger: doc };
  }

  /** Responses fit the published version, so its fields are the ones to learn. A form that was never published has only its draft. */
  async function fieldsOf(form: Form): Promise<FieldSpec[]> {
    if (form.version === 0) return form.intelligence?.extract?.fields ?? [];
    const version = await storage.get('form-version', versionId(form.id, form.version));
    return version?.doc.intelligence?.extract?.fields ?? [];
  }

  /** All examples of fields, in the order in which they count, with what the rules find in them. */
  async function* pagesOf(formId: string, fields: FieldSpec[]): AsyncGenerator<FieldExample[]> {
    for await (const { items, at } of every(storage, 'examples', { where: { formId }, limit: batchesAtOnce })) {
      const page: FieldExample[] = [];
      for (const { text, fields: marks } of items)
        if (marks) page.push({ text, fields: marks, hints: await hintsIn(text, fields, at) });
      if (page.length > 0) yield page;
    }
  }

  /** One text after the other: responses that wait to be read go between. A text that the rules cannot get through is learnt without them. */
  async function hintsIn(text: string, fields: FieldSpec[], now: number): Promise<FieldMark[]> {
    const context = { now, timeZone: deps.timeZone, region: deps.region };
    const reading = await deps.reader.read([text], fields, context).catch(() => undefined);
    return Object.entries(reading?.fields ?? {}).map(([name, { start, end }]) => ({ name, start, end }));
  }

  async function tagger(formId: string): Promise<FormTagger | undefined> {
    await getForm(formId);
    return (await storage.get('tagger', formId))?.doc;
  }

  async function getForm(id: string): Promise<Form> {
    const found = await storage.get('form', id);
    if (!found) throw new AppError('form-not-found', { detail: `There is no form ${id}.` });
    return found.doc;
  }

  return { train, tagger };
}
export type FieldLearning = ReturnType<typeof createFieldLearning>;
