import type { MetricsSnapshot } from '#compose.ts';

/* What the supervisor and an API process say to each other over the channel between them. */

export type Order =
  /** Another process has taken over: accept nothing more, finish what there is, end. */
  | { kind: 'drain' }
  /** The whole program stops. */
  | { kind: 'stop' }
  | { kind: 'ask'; id: number; what: Question };

export type Report =
  /** Its event loop turns. `rss`: bytes of memory it holds. */
  | { kind: 'beat'; rss: number }
  /** It accepts requests. */
  | { kind: 'listening'; url: string }
  /** `value` is missing where there is no answer: the store cannot commit, say. */
  | { kind: 'answer'; id: number; value?: unknown }
  /** What it has counted in its life, just before its end. */
  | { kind: 'last'; metrics: MetricsSnapshot };

export type Answers = { metrics: MetricsSnapshot; ready: true };
export type Question = keyof Answers;

/** Between two beats of a process. Milliseconds. */
export const beatMs = 1000;
