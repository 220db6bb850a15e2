/** Entry of the process that answers questions; started by `analytics-engine.ts` only. */
import { serveParent } from '#adapters/child-process/child-side.ts';
import { failureOf } from './faults.ts';
import type { EngineAnswer, EngineCall, EngineStart } from './protocol.ts';
import { createQuestions } from './questions.ts';
import { pathsOf } from './tables.ts';

let questions: ReturnType<typeof createQuestions>;

serveParent<EngineStart, undefined, EngineCall, EngineAnswer>({
  standing: 'question',
  async start(data) {
    questions = createQuestions(data);
    return undefined;
  },
  async call(call, { signal }) {
    try {
      return await answer(call, signal);
    } catch (err) {
      // The parent has its own words for that it stopped the call.
      signal.throwIfAborted();
      return failureOf(err, namedBy(call));
    }
  },
  // A query took 1 GB in half a second: with a beat each 500 ms the mark would be passed by that much.
  beatEveryMs: 50,
});

async function answer(call: EngineCall, signal: AbortSignal): Promise<EngineAnswer> {
  switch (call.op) {
    case 'open':
      return questions.open(call, signal);
    case 'next':
      return questions.next(call.cursor, signal);
    case 'close':
      questions.close(call.cursor);
      return 'done';
    case 'snapshot':
      await questions.snapshot(call, signal);
      return 'done';
  }
}

/** The paths that a message must not name. */
function namedBy(call: EngineCall): string[] {
  if (call.op === 'snapshot') return [...pathsOf(call.tables), call.path, call.spill];
  if (call.op !== 'open') return [];
  const { source, spill, file } = call;
  return [...('snapshot' in source ? [source.snapshot] : pathsOf(source.tables)), spill, ...(file ? [file.path] : [])];
}
