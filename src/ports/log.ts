/** Ids, counts, durations, `err`: never the content of a form, a response or a secret. */
export type LogFields = Record<string, unknown>;

/**
 * One JSON line per call: object first, fixed phrase second (the phrase is what one searches for, so nothing is interpolated into it).
 * Levels: `error` a person must act; `warn` we coped, yet somebody should know; `info` a few lines of normal life; `debug` for looking into a fault.
 * An error goes under `err`.
 */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A log whose lines all carry `bindings` (such as `{ part: 'relay' }`). */
  child(bindings: LogFields): Log;
}
