import { createAskedThread } from '#adapters/learning-threads/asked-thread.ts';
import type { TaggedField, TaggerRef } from '#ports/sequence-tagger.ts';
import type { TagReply, TagRequest, WorkerPurpose } from './protocol.ts';

type Question = Omit<TagRequest, 'id' | 'bytes'>;

/** The thread that tags, and the files that it lacks. */
export function createTagThread(deps: { entry: URL; idleMs: number }) {
  const purpose: WorkerPurpose = { kind: 'tag' };
  const { ask, stop } = createAskedThread<TagRequest, TagReply>({ ...deps, purpose, name: 'tagger' });
  const reading = new Map<string, Promise<Uint8Array>>();

  /** Calls that miss the same tagger at the same time read it once. */
  async function askWithBytes(tagger: TaggerRef, question: Question): Promise<TagReply> {
    const bytes = reading.get(tagger.sha256) ?? tagger.read();
    reading.set(tagger.sha256, bytes);
    try {
      return await ask({ ...question, bytes: await bytes });
    } finally {
      reading.delete(tagger.sha256);
    }
  }

  return {
    async tag(tagger: TaggerRef, texts: Question['texts'], hints: Question['hints']): Promise<TaggedField[][]> {
      const question = { sha256: tagger.sha256, texts, hints };
      let reply = await ask(question);
      if (reply.kind === 'tagger-missing') reply = await askWithBytes(tagger, question);
      if (reply.kind === 'tagged') return reply.results;
      throw new Error(reply.kind === 'failed' ? reply.message : `tagger ${tagger.sha256} is missing`);
    },
    stop,
  };
}
