import { taskKinds } from '#domain/task-kinds.ts';
import type { Handlers } from '#jobs/registry.ts';

/** Handlers of every kind: those given, and for the others one that fails the task it is called with, or does nothing. */
export function handlersWith(given: Partial<Handlers>, others: 'unexpected' | 'empty' = 'unexpected'): Handlers {
  const rest = async () => {
    if (others === 'unexpected') throw new Error('a kind the test does not expect');
    return { done: undefined };
  };
  const all = Object.fromEntries(Object.keys(taskKinds).map((kind) => [kind, rest]));
  return { ...all, ...given } as unknown as Handlers;
}
