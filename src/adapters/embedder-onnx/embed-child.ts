/** Entry of the process that runs an embedding model; started by `onnx-embedder.ts` only. */
import { loaded, serveParent } from '#adapters/child-process/child-side.ts';
import type { Engine } from './engine.ts';
import type { AnswerData, CallData, ReadyData, StartData } from './protocol.ts';

let engine: Engine | undefined;

serveParent<StartData, ReadyData, CallData, AnswerData>({
  standing: 'understanding',
  async start(data) {
    const { openEngine } = await loaded(import('./engine.ts'));
    engine = await openEngine(data);
    return engine.ready;
  },
  call: async ({ texts }, { signal }) => ({ vectors: await engine!.embed(texts, signal) }),
});
