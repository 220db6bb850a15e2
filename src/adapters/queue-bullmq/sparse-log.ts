import type { Log, LogFields } from '#ports/log.ts';

/** While Redis is away the same happens many times a second: of each phrase one line in `everyMs`, which counts those left out since the last. */
export function createSparseWarn(log: Log | undefined, everyMs = 10_000): (fields: LogFields, message: string) => void {
  const told = new Map<string, { at: number; leftOut: number }>();
  return (fields, message) => {
    const now = performance.now();
    const last = told.get(message);
    if (last !== undefined && now - last.at < everyMs) {
      last.leftOut += 1;
      return;
    }
    told.set(message, { at: now, leftOut: 0 });
    log?.warn({ ...fields, leftOut: last?.leftOut ?? 0 }, message);
  };
}
