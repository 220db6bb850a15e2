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

export function failureOf(err: unknown, paths: readonly string[]): Failure {
  if (err instanceof Fault) return { failed: err.fault, message: err.message, file: err.file };
  if (err instanceof Refusal) return { failed: 'query-refused', message: err.message };
  const message = err instanceof Error ? err.message : String(err);
  if (kindOf(err) === 'Out of Memory Error' || /string longer than|Array buffer allocation failed/.test(message))
    return {
      failed: 'query-too-large',
      message: 'The query needs more memory than it may take, or more disk for what does not fit into it.',
    };
  return { failed: 'query-failed', message: withoutPaths(message, paths) };
}

/** The message without the names of files and folders that the question did not name itself. */
export function withoutPaths(message: string, paths: readonly string[]): string {
  let text = message;
  for (const path of [...paths].sort((a, b) => b.length - a.length)) text = text.replaceAll(path, '(file)');
  // DuckDB shortens what it quotes: the closing quote may be missing.
  return text.replace(/(["'])\/[^"'\n]*(?:\1|$)/gm, '(file)');
}
