/** The only source of the current time. Rules take `now` as an argument; the edges ask this. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z, a whole number. Wall time: it may step back; never measure a duration with it. */
  now(): number;
}

/** Resolves after so many milliseconds. Errors: the reason of `signal` when it aborts. */
export type Pause = (ms: number, signal?: AbortSignal) => Promise<void>;
