import type { KeptResponse } from '#domain/response.ts';
import type { Storage, Stored } from '#ports/storage.ts';

export type Rehearsal = {
  storage: Storage;
  /** Puts a response on the stage as nobody has understood it yet. */
  enter(response: KeptResponse): void;
  /** What became of it. */
  now(id: string): KeptResponse;
};

/**
 * A store in which use cases may do what they do, and nothing is written: changes of the responses that were entered stay in memory, everything else is read
 * from the real one, and what follows from a change is dropped.
 */
export function createRehearsal(real: Storage): Rehearsal {
  const stage = new Map<string, Stored<'response'>>();
  const storage: Storage = {
    ...real,
    get: async (kind, id) => (kind === 'response' ? (stage.get(id) as never) : undefined) ?? (await real.get(kind, id)),
    async commit({ change }) {
      if (change.op !== 'update' || change.kind !== 'response' || !stage.has(change.doc.id))
        throw new Error(`a rehearsal writes nothing, ${change.op} is for a real store`);
      const before = stage.get(change.doc.id)!;
      if (before.revision !== change.expect) return { outcome: 'conflict' };
      const doc = { ...change.doc, receipt: before.doc.receipt };
      stage.set(doc.id, { doc, revision: before.revision + 1 });
      return { outcome: 'committed', revision: before.revision + 1 };
    },
  };
  return {
    storage,
    enter: ({ open: _, understanding: __, ...response }) =>
      void stage.set(response.id, {
        doc: { ...response, status: 'accepted', understanding: undefined, applied: [] },
        revision: 1,
      }),
    now: (id) => stage.get(id)!.doc,
  };
}
