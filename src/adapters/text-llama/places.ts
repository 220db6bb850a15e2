import type { LlamaContextSequence, Token } from 'node-llama-cpp';

/** The sequences of a context, one call in each. A call gets the free one that has read most of its prompt already. */
export function createPlaces(sequences: LlamaContextSequence[]) {
  const free = new Set(sequences);
  const waiting: (() => void)[] = [];

  return {
    /** Errors: the reason of `signal`. */
    async take(tokens: readonly Token[], signal: AbortSignal): Promise<LlamaContextSequence> {
      while (free.size === 0) {
        signal.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
          const turn = () => {
            signal.removeEventListener('abort', abort);
            resolve();
          };
          const abort = () => {
            waiting.splice(waiting.indexOf(turn), 1);
            reject(signal.reason);
          };
          waiting.push(turn);
          signal.addEventListener('abort', abort, { once: true });
        });
      }
      let best: LlamaContextSequence | undefined;
      let longest = -1;
      for (const sequence of free) {
        const common = commonPrefix(sequence.contextTokens, tokens);
        // Of two that help equally, the one that holds less: the other may help somebody else.
        if (common > longest || (common === longest && sequence.nextTokenIndex < best!.nextTokenIndex)) {
          best = sequence;
          longest = common;
        }
      }
      free.delete(best!);
      return best!;
    },
    giveBack(sequence: LlamaContextSequence): void {
      free.add(sequence);
      waiting.shift()?.();
    },
  };
}

function commonPrefix(held: readonly Token[], wanted: readonly Token[]): number {
  const most = Math.min(held.length, wanted.length);
  for (let i = 0; i < most; i++) if (held[i] !== wanted[i]) return i;
  return most;
}
