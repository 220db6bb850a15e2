import { createAskedThread } from '#adapters/learning-threads/asked-thread.ts';
import type { Classification, HeadRef, TextEmbeddings } from '#ports/text-classifier.ts';
import type { ClassifyReply, ClassifyRequest, WorkerPurpose } from './protocol.ts';

/** The thread that classifies, and the files that it lacks. */
export function createClassifyThread(deps: { entry: URL; idleMs: number }) {
  const purpose: WorkerPurpose = { kind: 'classify' };
  const { ask, stop } = createAskedThread<ClassifyRequest, ClassifyReply>({ ...deps, purpose, name: 'classifier' });
  const reading = new Map<string, Promise<Uint8Array>>();

  /** Calls that miss the same head at the same time read it once. */
  async function askWithBytes(head: HeadRef, question: Omit<ClassifyRequest, 'id'>): Promise<ClassifyReply> {
    const bytes = reading.get(head.sha256) ?? head.read();
    reading.set(head.sha256, bytes);
    try {
      return await ask({ ...question, bytes: await bytes });
    } finally {
      reading.delete(head.sha256);
    }
  }

  return {
    async classify(head: HeadRef, texts: string[], embeddings?: TextEmbeddings): Promise<Classification[]> {
      const question = { sha256: head.sha256, texts, embeddings };
      let reply = await ask(question);
      if (reply.kind === 'head-missing') reply = await askWithBytes(head, question);
      if (reply.kind === 'classified') return reply.results;
      throw new Error(reply.kind === 'failed' ? reply.message : `head ${head.sha256} is missing`);
    },
    stop,
  };
}
