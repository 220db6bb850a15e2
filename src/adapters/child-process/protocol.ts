/** What a parent and its watched child say to each other. `data` is what the two have agreed on. */
export type ToChild =
  | { type: 'start'; data: unknown }
  | { type: 'call'; id: number; data: unknown }
  | { type: 'cancel'; id: number };

export type FromChild =
  | { type: 'ready'; data: unknown }
  /** It cannot do its work, and trying again will not help. */
  | { type: 'unfit'; message: string }
  /** It is alive, and so large (resident set, bytes). */
  | { type: 'beat'; memoryBytes: number }
  | { type: 'progress'; id: number; data: unknown }
  | { type: 'answer'; id: number; data: unknown }
  | { type: 'error'; id: number; fault: string | undefined; message: string };

/** Between two beats. */
export const beatMs = 500;
