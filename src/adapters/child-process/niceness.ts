import { getPriority, setPriority } from 'node:os';
import { isMainThread } from 'node:worker_threads';

/**
 * Who waits has the processor first, in nice(2)'s steps behind the server: each of them is a quarter more or less of it when it is short. Before all is what takes in
 * and answers; then questions, for which a person waits; then understanding, for which a response waits; then files, for which nobody does.
 */
const steps = { question: 5, understanding: 10, file: 15 } as const;
export type Standing = keyof typeof steps;

const lowest = 19;

/** Lowers this process, or this thread where threads have a niceness of their own: on Linux. Elsewhere it would be the whole server's. */
export function standBack(standing: Standing): void {
  // From where the server is: who started it with nice(1) may not raise it, and must find the same order.
  if (isMainThread || process.platform === 'linux') setPriority(Math.min(lowest, getPriority() + steps[standing]));
}
