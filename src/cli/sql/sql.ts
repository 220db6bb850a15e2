import { writeFile } from 'node:fs/promises';
import type { SqlWish } from '#app/queries/analyst-sql.ts';
import { openOperatorSql } from '#compose/operator-sql.ts';
import { openAdapters, openLog } from '#compose.ts';
import { AppError } from '#domain/errors.ts';
import type { Json } from '#domain/json.ts';
import type { AnswerColumn } from '#ports/analytics-engine.ts';
import { intoNewFile, newFile } from '../exports/new-file.ts';
import { configOrExit } from '../settings.ts';
import { onStopSignal } from '../stop-signals.ts';
import { tableText } from '../table.ts';
import { version } from '../version.ts';
import { withOwnFolder } from './own-folder.ts';

export type SqlOptions = { table: string[]; param?: string[]; format: string; out?: string };

const formats = ['table', 'json', 'ndjson', 'csv', 'parquet'] as const;
type Format = (typeof formats)[number];
const caller = { actor: { kind: 'operator', id: 'command-line' } } as const;

/** Answers one SELECT over tables of forms. Reads only, beside a running server too. */
export async function askSql(sql: string, options: SqlOptions): Promise<void> {
  const format = formatOf(options);
  const wish: SqlWish = {
    sql,
    tables: pairsOf('--table', options.table),
    params: Object.fromEntries(
      Object.entries(pairsOf('--param', options.param ?? [])).map(([name, text]) => [name, scalarOf(text)]),
    ),
    fresh: true,
    unmasked: true,
  };
  const path = options.out === undefined ? undefined : await newFile(options.out);
  const { config } = configOrExit();
  const log = await openLog({ logLevel: 'error' });
  const adapters = await openAdapters(config, { log, version, readOnly: true });
  const stop = new AbortController();
  onStopSignal(() => stop.abort(new AppError('query-failed', { detail: 'stopped' })));
  try {
    await withOwnFolder(config.dataDir, async (folder) => {
      const operatorSql = await openOperatorSql(adapters, config, folder);
      try {
        tellWhenCut(await answered(operatorSql, wish, { format, path }, stop.signal));
      } finally {
        await operatorSql.close();
      }
    });
  } finally {
    await adapters.close();
  }
}

type OperatorSql = Awaited<ReturnType<typeof openOperatorSql>>;
type Target = { format: Format; path: string | undefined };

async function answered(operatorSql: OperatorSql, wish: SqlWish, { format, path }: Target, signal: AbortSignal) {
  if (format !== 'table' && format !== 'json')
    return intoNewFile(path!, (unfinished) => operatorSql.toFile(caller, wish, { path: unfinished, format }, signal));
  const { columns, rows, truncated } = await operatorSql.answer(caller, wish, signal);
  const text = format === 'json' ? JSON.stringify({ columns, rows, truncated }) : asTable(columns, rows);
  await write(path, `${text}\n`);
  return { rows: rows.length, truncated };
}

function tellWhenCut({ rows, truncated }: { rows: number; truncated: boolean }): void {
  if (truncated) console.error(`Only the first ${rows} rows: FORMSTEAD_QUERY_ROWS allows no more.`);
}

function formatOf({ format: wanted, out }: SqlOptions): Format {
  const format = formats.find((one) => one === wanted);
  if (!format)
    throw new AppError('value-refused', { detail: `There is no format ${wanted}; there are ${formats.join(', ')}.` });
  if (format !== 'table' && format !== 'json' && out === undefined)
    throw new AppError('value-refused', { detail: `The format ${format} goes into a file: name it with --out.` });
  return format;
}

/** Errors: `value-refused` for what is no pair, and for a name that stands twice: which of the two was meant, nobody can tell. */
function pairsOf(option: string, given: readonly string[]): Record<string, string> {
  const pairs = new Map<string, string>();
  for (const text of given) {
    const at = text.indexOf('=');
    if (at < 1) throw new AppError('value-refused', { detail: `${option} is name=value, not ${text}.` });
    const name = text.slice(0, at);
    if (pairs.has(name)) throw new AppError('value-refused', { detail: `${option} names ${name} twice.` });
    pairs.set(name, text.slice(at + 1));
  }
  return Object.fromEntries(pairs);
}

/** A number as JSON writes it, true, false and null as such; anything else, such as 01067, as the text it is. */
function scalarOf(text: string): string | number | boolean | null {
  return /^(?:-?(?:0|[1-9]\d{0,14})(?:\.\d+)?|true|false|null)$/.test(text) ? JSON.parse(text) : text;
}

function asTable(columns: readonly AnswerColumn[], rows: readonly Json[][]): string {
  const cell = (value: Json) =>
    value === null ? '' : typeof value === 'string' ? value.replace(/\s+/g, ' ') : JSON.stringify(value);
  const numbers = columns.flatMap(({ type }, i) => (/INT|DOUBLE|FLOAT|DECIMAL/.test(type) ? [i] : []));
  const cells = [columns.map(({ name }) => name), ...rows.map((row) => row.map(cell))];
  return tableText(
    cells.map((row) => row.map(visible)),
    numbers,
  );
}

/** Whoever filled in a form may have written what a terminal obeys: it is shown, as JSON would write it. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

async function write(path: string | undefined, text: string): Promise<void> {
  if (path !== undefined)
    return intoNewFile(path, (unfinished) => writeFile(unfinished, text, { flag: 'wx', mode: 0o600 }));
  return new Promise((done, fail) => {
    // A reader that has seen enough (`| head`) has closed its end, and nothing is wrong.
    process.stdout.once('error', (err: NodeJS.ErrnoException) => (err.code === 'EPIPE' ? done() : fail(err)));
    process.stdout.write(text, (err) => (err ? undefined : done()));
  });
}
