import { rm } from 'node:fs/promises';
import type { TableSource } from '#ports/analytics-engine.ts';
import { checkText } from '../guard/text-check.ts';
import { parsedTree } from '../guard/tree.ts';
import { checkTree } from '../guard/tree-check.ts';
import { collect } from './collect.ts';
import { damageBehind } from './damage.ts';
import { Fault } from './faults.ts';
import { writeParquet, writeText } from './files.ts';
import { createFooters } from './footers.ts';
import { createFreshFiles, type FreshFiles } from './fresh-files.ts';
import { createIdle } from './idle.ts';
import { createInstances, type Instance, type InstanceSettings } from './instance.ts';
import { bindParams } from './parameters.ts';
import { type EngineCall, type EngineStart, type OpenCall, type Piece, pathsOfFile } from './protocol.ts';
import { createReader, type Reader } from './reader.ts';
import { createRoom } from './room.ts';
import { pathsOf, quoteName, tableSelect } from './tables.ts';

/** `key`: of the tables that are visible in it; undefined while they are not, and where no other question can use them. */
type Opened = { instance: Instance; freshFiles: FreshFiles; spill: string; key?: string };
type Cursor = Opened & { reader: Reader; repeatable: boolean | undefined };
type SnapshotCall = Extract<EngineCall, { op: 'snapshot' }>;

/**
 * What an instance has taken it gives back when it is closed: 350 to 800 MB were held between two questions that sorted a million texts. Beyond this nothing is
 * kept for the next question, so that what is kept comes out of the 256 MiB that are left free of DuckDB's limits. 13 questions of a dashboard were at 150 to 200.
 */
const mostBeside = 200 * 2 ** 20;

/** Answers questions in this process, each in an instance that is its own or was left by one about the same rows. Errors: `Fault`, `Refusal`, and DuckDB's own. */
export function createQuestions({ threads, spillBytes, memoryBytes }: EngineStart) {
  const instances = createInstances(threads);
  const footers = createFooters();
  const freshFiles = createFreshFiles(instances, spillBytes);
  const room = createRoom(memoryBytes);
  const idle = createIdle<Opened>(end);
  const cursors = new Map<number, Cursor>();
  let nextCursor = 1;

  async function open(call: OpenCall, signal: AbortSignal): Promise<Piece> {
    const { source, file } = call;
    const key = keyOf(call);
    const opened = idleFor(key, signal) ?? (await opening(call, signal));
    let sound = false;
    let kept = false;
    try {
      const { instance } = opened;
      const { sql, repeatable } = await prepared(opened, call, key);
      signal.throwIfAborted();
      if (file?.format === 'parquet') {
        const written = await writeParquet(instance, file.path, { ...call, sql });
        signal.throwIfAborted();
        return { ...written, rows: [], cursor: undefined, repeatable };
      }
      const statement = await instance.connection.prepare(sql);
      bindParams(statement, call.params);
      const { rows: most, bytes } = call;
      const named = file?.format === 'ndjson';
      const reader = createReader(await statement.stream(), { rows: most, bytes, named, room });
      if (file) {
        await writeText(file.path, file.format === 'csv' ? 'csv' : 'ndjson', reader, signal);
        return piece({ reader, repeatable }, [], undefined);
      }
      const cursor = { ...opened, reader, repeatable };
      const { rows, more } = await reader.read(signal);
      kept = more;
      sound = !reader.truncated();
      return piece(cursor, rows, more ? keep(cursor) : undefined);
    } catch (err) {
      if ('snapshot' in source) throw tornSnapshot(err);
      throw await damageBehind(err, opened.instance, source.tables, signal);
    } finally {
      if (!kept) leave(opened, sound);
    }
  }

  /** What a question about the same tables has left. */
  function idleFor(key: string | undefined, signal: AbortSignal): Opened | undefined {
    const found = key === undefined ? undefined : idle.take(key);
    found?.instance.heed(signal);
    return found;
  }

  async function opening({ source, file, spill, memoryBytes }: OpenCall, signal: AbortSignal): Promise<Opened> {
    const output = file?.format === 'parquet' ? pathsOfFile(file) : [];
    const means = { spillBytes, spill, memoryBytes };
    if ('snapshot' in source) {
      const instance = await openSnapshot({ ...means, path: source.snapshot, allowed: output }, signal);
      return { instance, freshFiles: noFreshFiles, spill };
    }
    const { tables } = source;
    const fresh = await freshFiles.of(tables, means, signal);
    const allowed = [...pathsOf(tables), ...[...fresh.paths.values()].flat(), ...output];
    try {
      const instance = await instances.open({ ...means, columns: widest(tables), allowed }, signal);
      return { instance, freshFiles: fresh, spill };
    } catch (err) {
      fresh.release();
      throw err;
    }
  }

  /** The tables made visible, and the SQL that may run: for that of an analyst, the text that was checked. */
  async function prepared(
    opened: Opened,
    call: OpenCall,
    key: string | undefined,
  ): Promise<{ sql: string; repeatable?: boolean }> {
    const { source, sql } = call;
    const { instance } = opened;
    if ('snapshot' in source) {
      const text = checkText(sql);
      const [row] = await instance.rows('SELECT json_serialize_sql($1::VARCHAR)', [text]);
      const { repeatable } = checkTree(parsedTree(String(row![0])), source.names);
      return { sql: text, repeatable };
    }
    if (opened.key === undefined) {
      const means = { footers, freshFiles: opened.freshFiles.paths };
      for (const table of source.tables)
        await instance.rows(
          `CREATE TEMP VIEW ${quoteName(table.name)} AS ${await tableSelect(instance, table, means)}`,
        );
      opened.key = key;
    }
    return { sql: sql.replace(/[;\s]+$/, '') };
  }

  function keep(cursor: Cursor): number {
    cursors.set(nextCursor, cursor);
    return nextCursor++;
  }

  async function next(id: number, signal: AbortSignal): Promise<Piece> {
    const cursor = cursors.get(id)!;
    cursor.instance.heed(signal);
    try {
      const { rows, more } = await cursor.reader.read(signal);
      if (!more) close(id);
      return piece(cursor, rows, more ? id : undefined);
    } catch (err) {
      close(id);
      throw err;
    }
  }

  function close(id: number): void {
    const cursor = cursors.get(id);
    cursors.delete(id);
    if (cursor) end(cursor);
  }

  /** Copies the tables into a new database file, without what is masked. */
  async function snapshot(call: SnapshotCall, signal: AbortSignal): Promise<void> {
    const { path, tables, memoryBytes, spill } = call;
    const means = { memoryBytes, spill, spillBytes };
    const instance = await instances.open(
      { ...means, path, columns: widest(tables), allowed: pathsOf(tables) },
      signal,
    );
    try {
      for (const table of tables) {
        const masked = new Set(table.masked);
        const shown = table.columns.map(({ name }) => quoteName(name));
        const select = await tableSelect(instance, table, { footers });
        const types = `SELECT ${shown.join(', ')} FROM (${select}) LIMIT 0`;
        const cells = table.columns.map(({ name }, i) => (masked.has(name) ? `NULL AS ${shown[i]}` : shown[i]));
        await instance.rows(`CREATE TABLE ${quoteName(table.name)} AS ${types}`);
        await instance.rows(`INSERT INTO ${quoteName(table.name)} SELECT ${cells.join(', ')} FROM (${select})`);
      }
      await instance.rows('CHECKPOINT');
    } catch (err) {
      throw await damageBehind(err, instance, tables, signal);
    } finally {
      // The file is renamed next.
      instance.close();
      collect();
      await rm(spill, { recursive: true, force: true });
    }
  }

  async function openSnapshot(settings: InstanceSettings, signal: AbortSignal): Promise<Instance> {
    try {
      return await instances.open({ ...settings, readOnly: true }, signal);
    } catch (err) {
      signal.throwIfAborted();
      throw new Fault('snapshot-gone', err instanceof Error ? err.message : String(err));
    }
  }

  /** `sound`: the question was answered to its end, and nothing is left of it in the instance. */
  function leave(opened: Opened, sound: boolean): void {
    const { key } = opened;
    const room = process.memoryUsage.rss() < mostBeside;
    if (sound && room && key !== undefined) idle.keep(key, opened);
    else end(opened);
  }

  /** After the answer is on its way: closing takes 3 ms, and opening the next one 9. */
  function end({ instance, freshFiles, spill }: Opened): void {
    setImmediate(() => {
      instance.close();
      freshFiles.release();
      collect();
      instances.prepare();
      rm(spill, { recursive: true, force: true }).catch(() => {});
    });
  }

  instances.prepare();
  return { open, next, close, snapshot };
}

const widest = (tables: readonly TableSource[]): number => Math.max(0, ...tables.map(({ columns }) => columns.length));

/** With the same key the same rows are visible, with the same memory. A file is one that only its own question may write. */
const keyOf = ({ source, file, memoryBytes }: OpenCall): string | undefined =>
  'tables' in source && file === undefined ? JSON.stringify([memoryBytes, source.tables]) : undefined;

const noFreshFiles: FreshFiles = { paths: new Map(), release() {} };

function tornSnapshot(err: unknown): unknown {
  const torn = err instanceof Error && /corrupt|checksum|not a valid DuckDB/i.test(err.message);
  return torn ? new Fault('snapshot-gone', err.message) : err;
}

function piece(
  { reader, repeatable }: Pick<Cursor, 'reader' | 'repeatable'>,
  rows: Piece['rows'],
  cursor: number | undefined,
): Piece {
  return { columns: reader.columns, rows, cursor, count: reader.count(), truncated: reader.truncated(), repeatable };
}
