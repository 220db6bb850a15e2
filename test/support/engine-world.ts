import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDuckdbEngine, type DuckdbEngineOptions } from '#adapters/analytics-duckdb/engine/analytics-engine.ts';
import { createDuckdbExportWriter } from '#adapters/analytics-duckdb/export-writer.ts';
import type { Cell, ExportColumn } from '#domain/export-rows.ts';
import type { Json } from '#domain/json.ts';
import { QueryError, type QueryFault } from '#domain/query-error.ts';
import type {
  AnalystQuestion,
  AnalyticsEngine,
  Answered,
  Params,
  QueryLimits,
  TableSource,
} from '#ports/analytics-engine.ts';

export const visitColumns: ExportColumn[] = [
  { name: 'response_id', type: 'string' },
  { name: 'submitted_at', type: 'instant' },
  { name: 'day', type: 'date' },
  { name: 'label', type: 'string' },
  { name: 'stars', type: 'integer' },
  { name: 'confidence', type: 'number' },
  { name: 'needs_review', type: 'boolean' },
  { name: 'topics', type: 'string[]' },
  { name: 'email', type: 'string' },
];

/** The n-th made-up visit. Ids and times ascend with n; 1,000 visits are a day. */
export function visit(n: number): Cell[] {
  const day = new Date(Date.UTC(2026, 0, 1) + Math.floor(n / 1000) * 86_400_000).toISOString().slice(0, 10);
  return [
    idOf(n),
    `${day}T12:00:00.000Z`,
    day,
    ['bug', 'praise', 'question'][n % 3]!,
    1 + (n % 5),
    (n % 100) / 100,
    n % 10 === 0,
    n % 2 === 0 ? ['billing', 'delivery'] : [],
    `person${n}@example.org`,
  ];
}
export const idOf = (n: number): string => `rsp_${String(n).padStart(9, '0')}`;

export type Asked = Answered & { values: Json[][]; chunks: number };

/** An engine in a folder of its own, with what makes tables for it. Everything goes when the test ends. */
export async function openEngineWorld(
  t: { after: (end: () => Promise<void>) => void },
  options: Partial<DuckdbEngineOptions> = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'formstead-engine-'));
  const pids: number[] = [];
  const endings: string[] = [];
  const engine: AnalyticsEngine = createDuckdbEngine({
    folder: join(folder, 'engine'),
    onStart: (pid) => void pids.push(pid),
    onEnd: ({ cause }) => void endings.push(cause),
    ...options,
  });
  t.after(async () => {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  });
  const writer = createDuckdbExportWriter();
  const limits: QueryLimits = { timeMs: 30_000, rows: 1000 };

  async function parquet(name: string, rows: readonly Cell[][], columns: readonly ExportColumn[] = visitColumns) {
    const path = join(folder, name);
    const sink = await writer.openParquet({ path, columns, signal: AbortSignal.timeout(60_000) });
    await sink.write(rows);
    await sink.close();
    return { path, rows: rows.length };
  }
  async function ndjson(name: string, rows: readonly Record<string, Json>[]) {
    const path = join(folder, name);
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
    await writeFile(path, lines.join(''));
    const longestLine = lines.reduce((most, line) => Math.max(most, Buffer.byteLength(line)), 0);
    return { path, paths: [path], longestLine };
  }
  async function collected(
    run: (take: (chunk: { rows: readonly Json[][] }) => void) => Promise<Answered>,
  ): Promise<Asked> {
    const values: Json[][] = [];
    let chunks = 0;
    const answered = await run(({ rows }) => {
      chunks += 1;
      values.push(...rows);
    });
    return { ...answered, values, chunks };
  }

  return {
    folder,
    engine,
    pids,
    endings,
    limits,
    parquet,
    ndjson,
    /** Visits `from` … below `to`, as a file. */
    visits: (name: string, from: number, to: number) =>
      parquet(
        name,
        Array.from({ length: to - from }, (_, i) => visit(from + i)),
      ),
    query: (sql: string, tables: readonly TableSource[], over: Partial<QueryLimits> & { params?: Params } = {}) => {
      const { params, ...rest } = over;
      return collected((take) => engine.query({ sql, params, tables }, { ...limits, ...rest }, take));
    },
    ask: (
      sql: string,
      tables: AnalystQuestion['tables'],
      over: Partial<QueryLimits> & { params?: Params; snapshot?: string } = {},
    ) => {
      const { params, snapshot = '1', ...rest } = over;
      return collected((take) => engine.ask({ sql, params, tables, snapshot }, { ...limits, ...rest }, take));
    },
  };
}

/** For `assert.rejects`: an error of the engine of that kind, whose message has the words. */
export const isFault =
  (fault: QueryFault, words: RegExp = /./) =>
  (err: unknown) => {
    assert.ok(err instanceof QueryError, String(err));
    assert.equal(err.fault, fault, err.message);
    assert.match(err.message, words);
    return true;
  };
