import { embedResponses, embedTaskPrefix } from '#domain/consequences.ts';
import { AppError } from '#domain/errors.ts';
import type { Form } from '#domain/form/form.ts';
import { ModelError } from '#domain/model-error.ts';
import { type ResponseVector, responseVector } from '#domain/response-vector.ts';
import { quantise } from '#domain/similarity.ts';
import type { NewTask } from '#domain/task.ts';
import type { Clock } from '#ports/clock.ts';
import type { Embedder, EmbeddingModel } from '#ports/embedder.ts';
import type { Storage } from '#ports/storage.ts';
import type { Auditor, Caller } from '../audit.ts';
import type { FormCatalog } from '../form-catalog.ts';
import { type Cause, replacing } from './placing.ts';
import { readTextOf } from './text-of.ts';

type Deps = {
  storage: Pick<Storage, 'get' | 'list' | 'commit' | 'tasks' | 'responses'>;
  catalog: Pick<FormCatalog, 'form' | 'version'>;
  embedder: Pick<Embedder, 'model' | 'embed'>;
  clock: Clock;
  audit: Auditor;
  offer: (tasks: NewTask[]) => void;
  /** Vectors made in one go: the 4,000 of the default take about 10 s, then the task makes room for others of its queue. */
  atOnce?: number;
};

/** Responses read, and texts embedded in one call: 32 short ones take 80 ms, for which a response that is being understood may have to wait. */
const pageResponses = 32;
/** An automatic task of a form and a model is asked for at most once in this time: responses without a text never get a vector. */
const dayMs = 86_400_000;
const secondMs = 1_000;

export type Reindexed = { made: number; responses: number } | 'model-changed' | 'lease-lost' | 'to-be-continued';
type Run = { signal: AbortSignal; progress: (fraction: number) => void };

/** Makes the vectors that responses of a form lack: those from before a model was in use, or of another one. */
export function createReindexing(deps: Deps) {
  const { storage, clock, embedder, atOnce = 4_000 } = deps;
  /** Where this process has stopped. Another one, and a start, walk from the beginning and pass over what is done. */
  const places = new Map<string, { modelSha256: string; after: string | undefined; walked: number; made: number }>();

  const underWay = (formId: string): Promise<boolean> => storage.tasks.alive(embedTaskPrefix(formId));

  /** Errors: `form-not-found`, `model-unavailable`, `conflict` while such a task is under way. */
  async function ask(caller: Caller, idOrSlug: string): Promise<string> {
    const form = await deps.catalog.form(idOrSlug);
    const model = await modelInUse();
    if (!model) throw new AppError('model-unavailable');
    if (await underWay(form.id))
      throw new AppError('conflict', { detail: 'The vectors of this form are being made already.' });
    const now = clock.now();
    const task = embedResponses(form.id, model.sha256, `s${Math.floor(now / secondMs)}`, now);
    await storage.commit({
      change: { op: 'none' },
      tasks: [task],
      audit: [deps.audit(caller, 'form.reindex', form.id, { model: model.name, sha256: model.sha256 })],
    });
    deps.offer([task]);
    return task.id;
  }

  /** After a form's `count` vectors of a model were read, all of them if `whole`: where there are more responses than that, the rest is asked for. */
  async function makeUp(loaded: { formId: string; modelSha256: string; count: number; whole: boolean }): Promise<void> {
    const { formId, modelSha256 } = loaded;
    if (!loaded.whole || loaded.count >= (await responsesOf(formId)) || (await underWay(formId))) return;
    const now = clock.now();
    const task = embedResponses(formId, modelSha256, `d${Math.floor(now / dayMs)}`, now);
    await storage.commit({ change: { op: 'none' }, tasks: [task] });
    deps.offer([task]);
  }

  const responsesOf = async (formId: string): Promise<number> =>
    (await storage.responses.analytics({ formId, fields: [] })).total;

  async function modelInUse(): Promise<EmbeddingModel | undefined> {
    try {
      return await embedder.model();
    } catch (err) {
      if (!(err instanceof ModelError)) throw err;
      return undefined;
    }
  }

  /**
   * Walks the form's responses, oldest first, and makes what is missing; twice does no harm. Errors: `form-not-found`, `model-unavailable`, the reason of
   * `signal`.
   */
  async function run(cause: Cause, formId: string, { signal, progress }: Run): Promise<Reindexed> {
    const form = await deps.catalog.form(formId);
    const model = await modelInUse();
    if (!model) throw new AppError('model-unavailable');
    const total = await responsesOf(formId);
    const before = places.get(cause.taskId);
    const place =
      before?.modelSha256 === model.sha256
        ? before
        : { modelSha256: model.sha256, after: undefined, walked: 0, made: 0 };
    places.delete(cause.taskId);
    const end = place.made + atOnce;
    for (;;) {
      signal.throwIfAborted();
      const page = await storage.list('response', { where: { formId }, limit: pageResponses, after: place.after });
      const lacking = await withoutVector(
        form,
        page.items.map(({ doc }) => doc),
        model,
      );
      const kept = lacking.length === 0 ? 'kept' : await embedSome(cause, lacking, model, signal);
      if (kept !== 'kept') return kept;
      place.made += lacking.length;
      place.walked += page.items.length;
      place.after = page.next;
      progress(total === 0 ? 1 : Math.min(1, place.walked / total));
      if (page.next === undefined) return { made: place.made, responses: place.walked };
      if (place.made >= end) {
        places.set(cause.taskId, place);
        return 'to-be-continued';
      }
    }
  }

  type Lacking = { id: string; formId: string; text: string; replaces: number | undefined };

  async function withoutVector(
    form: Form,
    responses: Parameters<typeof readTextOf>[2][],
    model: EmbeddingModel,
  ): Promise<Lacking[]> {
    const found = await Promise.all(responses.map(({ id }) => storage.get('vector', id)));
    const lacking: Lacking[] = [];
    for (const [i, response] of responses.entries()) {
      if (found[i]?.doc.modelSha256 === model.sha256) continue;
      const text = await readTextOf(deps.catalog, form, response);
      if (text !== undefined) lacking.push({ id: response.id, formId: form.id, text, replaces: found[i]?.revision });
    }
    return lacking;
  }

  async function embedSome(
    cause: Cause,
    lacking: Lacking[],
    model: EmbeddingModel,
    signal: AbortSignal,
  ): Promise<'kept' | 'model-changed' | 'lease-lost'> {
    const answer = await embedAll(
      lacking.map(({ text }) => text),
      signal,
    );
    if (answer.model.sha256 !== model.sha256) return 'model-changed';
    const at = clock.now();
    const docs = lacking.map(
      (one, i): ResponseVector =>
        responseVector(one, { modelSha256: model.sha256, quantised: quantise(answer.embeddings[i]!), at }),
    );
    const isNew = (_: ResponseVector, i: number) => lacking[i]!.replaces === undefined;
    const also = docs.filter(isNew).map((doc) => ({ kind: 'vector' as const, doc }));
    const commits = docs.flatMap((doc, i) => {
      const { replaces } = lacking[i]!;
      return replaces === undefined ? [] : [storage.commit(replacing(replaces, doc, cause))];
    });
    if (also.length > 0) commits.push(storage.commit({ change: { op: 'none' }, also, cause }));
    // A conflict: somebody else has just put the vector there.
    const results = await Promise.all(commits);
    return results.some(({ outcome }) => outcome === 'lease-lost') ? 'lease-lost' : 'kept';
  }

  async function embedAll(texts: string[], signal: AbortSignal) {
    try {
      return await embedder.embed(texts, { signal });
    } catch (err) {
      if (err instanceof ModelError) throw new AppError('model-unavailable', { cause: err });
      throw err;
    }
  }

  return { ask, makeUp, run };
}
export type Reindexing = ReturnType<typeof createReindexing>;
