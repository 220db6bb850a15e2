import { AppError } from '#domain/errors.ts';
import type { Form } from '#domain/form/form.ts';
import { ModelError } from '#domain/model-error.ts';
import { effectiveLabel, type KeptResponse } from '#domain/response.ts';
import { quantisedOf } from '#domain/response-vector.ts';
import { type Quantised, quantise } from '#domain/similarity.ts';
import type { Clock, Pause } from '#ports/clock.ts';
import type { Embedder } from '#ports/embedder.ts';
import type { Log } from '#ports/log.ts';
import type { Storage } from '#ports/storage.ts';
import type { FormCatalog } from '../form-catalog.ts';
import { roundedSimilarity } from './placing.ts';
import type { Reindexing } from './reindexing.ts';
import { readTextOf } from './text-of.ts';
import { createVectorIndex } from './vector-index.ts';

type Deps = {
  storage: Pick<Storage, 'get' | 'list'>;
  catalog: Pick<FormCatalog, 'form' | 'version'>;
  embedder: Pick<Embedder, 'model' | 'embed'>;
  reindexing: Pick<Reindexing, 'makeUp'>;
  clock: Clock;
  pause: Pause;
  log: Pick<Log, 'warn'>;
};

/** Vectors in memory, of all forms: 260,000 of 384 dimensions. */
const indexBytes = 128 * 2 ** 20;

/** The most similar that are looked through for those that fit the rest of the query. Each is read from the store: 500 take 5 to 12 ms from SQLite (bench/similar.ts). */
const candidates = 500;
const readAtOnce = 25;

export type Wanted = { text: string } | { responseId: string };
export type Fitting = { label?: string; status?: 'accepted' | 'completed'; from?: number; to?: number };
export type SimilarResponse = { response: KeptResponse; similarity: number };

/** Search by meaning among the responses of a form that have a vector of the model in use. */
export function createSimilar(deps: Deps) {
  const { storage, catalog, embedder } = deps;
  const index = createVectorIndex({
    ...deps,
    bytes: indexBytes,
    // Nobody waits for it, and what it finds missing is asked for again at the next load.
    onLoaded: (loaded) =>
      void deps.reindexing
        .makeUp(loaded)
        .catch((err: unknown) =>
          deps.log.warn({ err, formId: loaded.formId }, 'missing vectors could not be asked for'),
        ),
  });

  /**
   * The responses most similar to a text or to another response, best first, at most `limit`. Of the 500 most similar, those that fit `fitting`.
   * Errors: `form-not-found`, `response-not-found` (not of this form), `model-unavailable`, `storage-unavailable`.
   */
  async function search(idOrSlug: string, wanted: Wanted, fitting: Fitting, limit: number): Promise<SimilarResponse[]> {
    const form = await catalog.form(idOrSlug);
    const query = 'text' in wanted ? await embed(wanted.text) : await vectorOf(form, wanted.responseId);
    if (!query) return [];
    const itself = 'text' in wanted ? undefined : wanted.responseId;
    const by = { formId: form.id, modelSha256: query.modelSha256 };
    const near = await index.nearest(by, query.quantised, candidates, (id) => id !== itself);
    const found: SimilarResponse[] = [];
    for (let from = 0; from < near.length && found.length < limit; from += readAtOnce) {
      const some = near.slice(from, from + readAtOnce);
      const read = await Promise.all(some.map(({ id }) => storage.get('response', id)));
      // One that is gone has left its vector in memory, until that is read again.
      for (const [i, stored] of read.entries())
        if (stored && fits(stored.doc, fitting))
          found.push({ response: stored.doc, similarity: roundedSimilarity(some[i]!.similarity) });
    }
    return found.slice(0, limit);
  }

  type Query = { modelSha256: string; quantised: Quantised };

  async function embed(text: string): Promise<Query> {
    const { model, embeddings } = await asked(() => embedder.embed([text]));
    return { modelSha256: model.sha256, quantised: quantise(embeddings[0]!) };
  }

  /** As kept, or made now where it is of another model or was never made. None of a response without a text: it is similar to nothing. */
  async function vectorOf(form: Form, responseId: string): Promise<Query | undefined> {
    const stored = await storage.get('response', responseId);
    if (stored?.doc.formId !== form.id)
      throw new AppError('response-not-found', { detail: `The form has no response ${responseId}.` });
    const model = await asked(() => embedder.model());
    if (!model) throw unavailable();
    const kept = await storage.get('vector', responseId);
    if (kept?.doc.modelSha256 === model.sha256) return { modelSha256: model.sha256, quantised: quantisedOf(kept.doc) };
    const text = await readTextOf(catalog, form, stored.doc);
    return text === undefined ? undefined : embed(text);
  }

  return { search };
}
export type SimilarSearch = ReturnType<typeof createSimilar>;

async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (err) {
    if (err instanceof ModelError) throw unavailable(err);
    throw err;
  }
}

export function unavailable(cause?: ModelError): AppError {
  // A model that is there and fails is started anew by the next call.
  return new AppError('model-unavailable', cause && { cause, retryAfterSeconds: 10 });
}

/** An empty label: none of the labels, as in the list. */
function fits(response: KeptResponse, { label, status, from, to }: Fitting): boolean {
  if (label !== undefined && effectiveLabel(response) !== (label === '' ? null : label)) return false;
  if (status !== undefined && response.status !== status) return false;
  return response.submittedAt >= (from ?? -Infinity) && response.submittedAt < (to ?? Infinity);
}
