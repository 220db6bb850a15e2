import type { FormHead } from '#domain/learning.ts';
import { createTurns } from '#domain/turns.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Storage } from '#ports/storage.ts';
import type { TextClassifier } from '#ports/text-classifier.ts';
import { type Embedding, plainPages } from '../embedding.ts';
import { formOf } from '../form-versions.ts';
import type { Cause } from '../understanding.ts';
import type { Examples } from './examples.ts';
import { nothingNew, putTrained } from './put-trained.ts';
import { specOf } from './spec.ts';
import { stillUsable } from './trained-file.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get'>;
  examples: Pick<Examples, 'pagesOf'>;
  classifier: Pick<TextClassifier, 'train'>;
  /** Absent: heads learn from words alone. */
  embedding?: Pick<Embedding, 'lesson'>;
  blobs: Pick<BlobStore, 'write' | 'remove' | 'describe'>;
  clock: Clock;
  log: Pick<Log, 'warn'>;
};

/** How a form learns which label a text has. */
export function createHeads(deps: Deps) {
  const { storage } = deps;
  const oneByOne = createTurns();

  /**
   * Trains the form's head on all its examples and puts it in the place of the one before. The same examples twice train once: a publication and an upload right
   * after it both ask for a training, and the second finds its work done. Errors: `form-not-found`, `conflict` when another process has put another head there.
   */
  const train = (cause: Cause, formId: string, signal: AbortSignal) =>
    oneByOne(formId, () => trainNow(cause, formId, signal), signal);

  async function trainNow(
    cause: Cause,
    formId: string,
    signal: AbortSignal,
  ): Promise<{ trained: boolean; reason?: string; head?: FormHead }> {
    const spec = await specOf(storage, await formOf(storage, formId));
    const current = await storage.get('head', formId);
    const usable = await stillUsable(deps, current?.doc);
    const pages = deps.examples.pagesOf(formId, spec);
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
    if (trained.outcome === 'unchanged') return { trained: false, reason: nothingNew, head: usable };

    const { report } = trained;
    const doc: FormHead = {
      id: formId,
      sha256: trained.sha256,
      // Of this form alone: two forms with the same examples have the same bytes, and one of them may learn more.
      file: `heads/${formId}-${trained.sha256}.head`,
      labels: trained.labels,
      examples: report.examples,
      accuracy: report.accuracy,
      calibrationError: report.calibrationError,
      threshold: report.threshold,
      milliseconds: report.milliseconds,
      examplesSha256: trained.examplesSha256,
      ...(trained.embeddingSha256 !== undefined && { embeddingSha256: trained.embeddingSha256 }),
      trainedAt: deps.clock.now(),
    };
    const put = await putTrained(deps, { kind: 'head', doc, bytes: trained.bytes }, current, cause);
    return { ...put, head: doc };
  }

  async function head(formId: string): Promise<FormHead | undefined> {
    await formOf(storage, formId);
    return (await storage.get('head', formId))?.doc;
  }

  return { train, head };
}
export type Heads = ReturnType<typeof createHeads>;
