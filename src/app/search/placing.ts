import { nearDuplicateFrom, type ResponseVector, responseVector } from '#domain/response-vector.ts';
import { quantise } from '#domain/similarity.ts';
import type { Clock } from '#ports/clock.ts';
import type { Commit, Storage } from '#ports/storage.ts';
import type { EmbeddedText } from '../embedding.ts';
import type { VectorIndex } from './vector-index.ts';

type Deps = {
  storage: Pick<Storage, 'get' | 'commit'>;
  /** Of the newest responses of each form: who understands many responses cannot compare each with all. */
  index: Pick<VectorIndex, 'nearest' | 'add'>;
  clock: Clock;
};

/** The task that commits. */
export type Cause = NonNullable<Commit['cause']>;

/** What is looked among: a scan of as many is 6 ms of computing for each response, loading them 0.1 s, once (bench/similar.ts --rows 10240). */
export const duplicateRows = 10_240;

/** Some of the nearest may have been removed since they were read. */
const candidates = 5;

/** Where a response lies among those of its form: its vector, and the earlier response that says the same. */
export function createPlacing({ storage, index, clock }: Deps) {
  async function place(
    response: { id: string; formId: string },
    { model, vector }: EmbeddedText,
  ): Promise<{ vector: ResponseVector; nearDuplicateOf: { id: string; similarity: number } | undefined }> {
    const quantised = quantise(vector);
    const by = { formId: response.formId, modelSha256: model.sha256 };
    // Ids begin with the time. An understanding that is repeated must not find what came later.
    const near = await index.nearest(by, quantised, candidates, (id) => id < response.id);
    return {
      vector: responseVector(response, { modelSha256: model.sha256, quantised, at: clock.now() }),
      nearDuplicateOf: await firstThere(near.filter(({ similarity }) => similarity >= nearDuplicateFrom)),
    };
  }

  async function firstThere(near: { id: string; similarity: number }[]) {
    for (const { id, similarity } of near)
      if (await storage.get('response', id)) return { id, similarity: roundedSimilarity(similarity) };
    return undefined;
  }

  /** After the commit that carried the vector. That left the one of another model where it was, which now makes way. */
  async function kept(doc: ResponseVector, cause: Cause): Promise<void> {
    index.add(doc);
    const found = await storage.get('vector', doc.id);
    if (found && found.doc.modelSha256 !== doc.modelSha256) await storage.commit(replacing(found.revision, doc, cause));
  }

  return { place, kept };
}
export type Placing = ReturnType<typeof createPlacing>;

/** A document's place in a list is that of its first insert, and an index reads on from there: so it is removed and inserted anew, in one commit. */
export function replacing(expect: number, doc: ResponseVector, cause: Cause) {
  return {
    change: { op: 'remove' as const, kind: 'vector' as const, id: doc.id, expect },
    also: [{ kind: 'vector' as const, doc }],
    cause,
  };
}

/** 0…1, for people: what points away from a text is as unlike it as what has nothing to do with it. */
export const roundedSimilarity = (similarity: number): number =>
  Math.round(Math.min(1, Math.max(0, similarity)) * 10_000) / 10_000;
