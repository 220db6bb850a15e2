import type { FieldExample, FieldMark } from '#domain/field-example.ts';
import type { FieldSpec } from '#domain/intelligence.ts';
import type { FormTagger } from '#domain/learning.ts';
import { createTurns } from '#domain/turns.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { SequenceTagger } from '#ports/sequence-tagger.ts';
import type { Storage } from '#ports/storage.ts';
import type { TextReader } from '#ports/text-reader.ts';
import { every } from '../every.ts';
import { formOf } from '../form-versions.ts';
import type { Cause } from '../understanding.ts';
import { nothingNew, putTrained } from './put-trained.ts';
import { specOf } from './spec.ts';
import { stillUsable } from './trained-file.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list'>;
  tagger: Pick<SequenceTagger, 'train'>;
  reader: Pick<TextReader, 'read'>;
  blobs: Pick<BlobStore, 'write' | 'remove' | 'describe'>;
  clock: Clock;
  log: Pick<Log, 'warn'>;
  timeZone: string;
  /** As for reading responses. */
  region: string | undefined;
};

/** As for labels (`examples.ts`). */
const batchesAtOnce = 5;

/** How a form learns where its fields stand in a text: from uploads and from what people corrected. */
export function createTaggers(deps: Deps) {
  const { storage, clock } = deps;
  const oneByOne = createTurns();

  /**
   * Trains the form's tagger on all its examples and puts it in the place of the one before. The same examples twice train once, as for heads.
   * Errors: `form-not-found`, `conflict` when another process has put another tagger there.
   */
  const train = (cause: Cause, formId: string, signal: AbortSignal) =>
    oneByOne(formId, () => trainNow(cause, formId, signal), signal);

  async function trainNow(
    cause: Cause,
    formId: string,
    signal: AbortSignal,
  ): Promise<{ trained: boolean; reason?: string; tagger?: FormTagger }> {
    const fields = (await specOf(storage, await formOf(storage, formId)))?.extract?.fields ?? [];
    const current = await storage.get('tagger', formId);
    const usable = await stillUsable(deps, current?.doc);
    const pages = pagesOf(formId, fields);
    const trained = await deps.tagger.train({ pages, fields, seen: usable?.examplesSha256, signal });
    if (trained.outcome === 'too-few-examples') {
      const reason = `${trained.needed} texts with a field in them are needed, there are ${trained.examples}`;
      return { trained: false, reason };
    }
    if (trained.outcome === 'unchanged') return { trained: false, reason: nothingNew, tagger: usable };

    const doc: FormTagger = {
      id: formId,
      sha256: trained.sha256,
      // Of this form alone, as the file of a head.
      file: `taggers/${formId}-${trained.sha256}.tagger`,
      fields: trained.fields,
      ...trained.report,
      examplesSha256: trained.examplesSha256,
      trainedAt: clock.now(),
    };
    const put = await putTrained(deps, { kind: 'tagger', doc, bytes: trained.bytes }, current, cause);
    return { ...put, tagger: doc };
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
    await formOf(storage, formId);
    return (await storage.get('tagger', formId))?.doc;
  }

  return { train, tagger };
}
export type Taggers = ReturnType<typeof createTaggers>;
