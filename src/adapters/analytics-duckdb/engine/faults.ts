import type { QueryFault } from '#domain/query-error.ts';
import { Refusal } from '../guard/refusal.ts';
import type { Failure } from './protocol.ts';

/** A question that ends in this process with a fault of its own. */
export class Fault extends Error {
  readonly fault: QueryFault | 'snapshot-gone';
  readonly file: string | undefined;
  constructor(fault: QueryFault | 'snapshot-gone', message: string, file?: string) {
    super(message);
    this.fault = fault;
    this.file = file;
  }
}

/** The tables could not be made visible, whatever was to be asked of them. DuckDB calls it a lack of permission when a file is missing. */
export class UnreadableTables extends Error {}

/** DuckDB's name of the error, such as `Out of Memory Error`; empty for what is not DuckDB's. */
export function kindOf(err: unknown): string {
  return err instanceof Error ? (/^[A-Z][A-Za-z ]{1,40} Error(?=:)/.exec(err.message)?.[0] ?? '') : '';
}

/** Characters of a message, some kB: `error(…)` and a failed cast quote values of any size. What is cut first is more, so that no path is cut apart in what is shown. */
const mostCharacters = 4_000;
const mostRead = 64_000;

/** What the parent is told of it: names none of `paths`, and is of a few kB. */
export function failureOf(err: unknown, paths: readonly string[]): Failure {
  const { message, ...failure } = wholeFailureOf(err, paths);
  return {
    ...failure,
    message: message.length > mostCharacters ? `${message.slice(0, mostCharacters)}\u2026` : message,
  };
}

function wholeFailureOf(err: unknown, paths: readonly string[]): Failure {
  if (err instanceof Fault) return { failed: err.fault, message: err.message, file: err.file };
  if (err instanceof Refusal) return { failed: 'query-refused', message: err.message };
  const message = (err instanceof Error ? err.message : String(err)).slice(0, mostRead);
  const noMemory = /string longer than|Invalid string length|Array buffer allocation failed/;
  if (kindOf(err) === 'Out of Memory Error' || noMemory.test(message))
    return {
      failed: 'query-too-large',
      message: 'The query needs more memory than it may take, or more disk for what does not fit into it.',
    };
  if (/No space left on device|ENOSPC/.test(message))
    return { failed: 'disk-nearly-full', message: 'There is no room on the disk for what the query writes.' };
  return { failed: 'query-failed', message: withoutPaths(message, paths) };
}

/** The message without the names of files and folders that the question did not name itself. */
export function withoutPaths(message: string, paths: readonly string[]): string {
  let text = message;
  for (const path of [...paths].sort((a, b) => b.length - a.length)) text = text.replaceAll(path, '(file)');
  // DuckDB shortens what it quotes: the closing quote may be missing.
  return text.replace(/(["'])\/[^"'\n]*(?:\1|$)/gm, '(file)');
}
