import { setPriority } from 'node:os';
import { isMainThread } from 'node:worker_threads';

/**
 * Who waits has the processor first, in nice(2)'s steps: each of them is a quarter more or less of it when it is short. At 0 is what takes in and answers; then
 * questions, for which a person waits; then understanding, for which a response waits; then files, for which nobody does.
 */
const steps = { question: 5, understanding: 10, file: 15 } as const;
export type Standing = keyof typeof steps;

/** Lowers this process, or this thread where threads have a niceness of their own: on Linux. Elsewhere it would be the whole server's. */
export function standBack(standing: Standing): void {
  if (isMainThread || process.platform === 'linux') setPriority(steps[standing]);
}
