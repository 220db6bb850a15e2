import { basename } from 'node:path';
import type { TableSource } from '#ports/analytics-engine.ts';
import { quote } from '../copy-statement.ts';
import { Fault, kindOf, UnreadableTables } from './faults.ts';
import type { Instance } from './instance.ts';
import { readFresh } from './tables.ts';

/**
 * What DuckDB says when the question is wrong, and not a file. A lack of permission may be either: it calls so a file that is gone, and a question whose
 * tables were made visible for the one before meets that first.
 */
const ofTheQuestion = new Set(['Binder Error', 'Catalog Error', 'Parser Error']);

/** After an error: the first file that cannot be read to its end, as `data-damaged`; else the error. Every file is read, which takes a while. */
export async function damageBehind(
  err: unknown,
  instance: Instance,
  tables: readonly TableSource[],
  signal: AbortSignal,
): Promise<unknown> {
  const cause = err instanceof UnreadableTables ? err.cause : err;
  if (signal.aborted || cause instanceof Fault || kindOf(cause) === 'Out of Memory Error') return cause;
  if (err === cause && ofTheQuestion.has(kindOf(err))) return err;
  for (const table of tables) {
    for (const { path } of table.files) {
      const whole = `SELECT max(hash(COLUMNS(*))) FROM read_parquet([${quote(path)}])`;
      if (!(await isReadable(instance, whole, signal))) return damaged(path);
    }
    for (const path of table.fresh?.paths ?? []) {
      if (!(await isReadable(instance, `SELECT count(*) FROM ${readFresh(table, [path])}`, signal)))
        return damaged(path);
    }
  }
  return err === cause ? err : new Fault('query-failed', 'The tables cannot be read.');
}

const damaged = (path: string) => new Fault('data-damaged', `The file ${basename(path)} is missing or damaged.`, path);

async function isReadable(instance: Instance, sql: string, signal: AbortSignal): Promise<boolean> {
  try {
    await instance.rows(sql);
    return true;
  } catch (err) {
    signal.throwIfAborted();
    return kindOf(err) === 'Out of Memory Error';
  }
}
