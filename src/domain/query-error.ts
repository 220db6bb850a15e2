/**
 * Why a question has no answer:
 * `query-refused` the question is not allowed or not well formed, and its message says how to mend it; `query-failed` DuckDB's own words about it;
 * `query-too-slow` the time was spent; `query-too-large` the memory, or the size of the answer; `data-damaged` a file that it reads, named in `file`;
 * `disk-nearly-full` there is no room for what it writes;
 * `engine-unavailable` no place was free in time, or the process cannot be started or died twice over the same question.
 */
export type QueryFault =
  | 'query-refused'
  | 'query-failed'
  | 'query-too-slow'
  | 'query-too-large'
  | 'data-damaged'
  | 'disk-nearly-full'
  | 'engine-unavailable';

/** `message` can be shown to who asked: it names no folder of this machine. */
export class QueryError extends Error {
  readonly fault: QueryFault;
  /** The damaged file, as the question named it. For the log. */
  readonly file: string | undefined;
  constructor(fault: QueryFault, message: string = fault, options?: ErrorOptions & { file?: string }) {
    super(message, options);
    this.name = 'QueryError';
    this.fault = fault;
    this.file = options?.file;
  }
}
