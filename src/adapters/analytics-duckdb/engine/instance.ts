import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { quote } from '../copy-statement.ts';

export type InstanceSettings = {
  /** Of a database file; without, the instance is in memory. */
  path?: string;
  readOnly?: boolean;
  /** Files that its SQL may name, to read and to write. */
  allowed: readonly string[];
  memoryBytes: number;
  /** Folder for what does not fit into the memory. */
  spill: string;
  spillBytes: number;
  /** Of its widest table: with many, fewer threads have room in the memory. Default 0. */
  columns?: number;
  /** Rows keep the order in which they were read; default true. Without it DuckDB holds fewer of them. */
  ordered?: boolean;
};

/** A DuckDB of one question's own: its limits, its files and its faults are nobody else's while it runs. */
export type Instance = {
  connection: DuckDBConnection;
  /** Rows of a statement of ours. */
  rows(sql: string, params?: string[]): Promise<unknown[][]>;
  /** From now on this signal interrupts what runs in it. */
  heed(signal: AbortSignal): void;
  close(): void;
};

/** For a question, and for the fresh rows that it may have to make Parquet of first. */
const mostSpare = 2;

type Opened = { instance: DuckDBInstance; connection: DuckDBConnection };

/** The same for every question. */
const common = [
  "TimeZone = 'UTC'",
  'parquet_metadata_cache = true',
  // It would keep what was read for a second question: there is none, or it comes within two seconds and reads what the page cache has.
  'enable_external_file_cache = false',
];

/** Opens instances, and keeps some in memory open ahead: opening takes 9 ms and each setting 0.3, as much together as counting a million rows by label. */
export function createInstances(threads: number) {
  const spare: Promise<Opened>[] = [];

  async function create(path: string, readOnly = false): Promise<Opened> {
    const instance = await DuckDBInstance.create(path, {
      ...(readOnly ? { access_mode: 'READ_ONLY' } : {}),
      threads: String(threads),
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
    });
    const connection = await instance.connect();
    await connection.run(setAll(common));
    return { instance, connection };
  }

  function prepare(): void {
    while (spare.length < mostSpare) {
      const opened = create(':memory:');
      // Who takes it is told.
      opened.catch(() => {});
      spare.push(opened);
    }
  }

  return {
    /** Call it when nobody waits. */
    prepare,
    /** Its settings cannot be changed any more by what runs in it. */
    async open(settings: InstanceSettings, signal: AbortSignal): Promise<Instance> {
      const { path, readOnly } = settings;
      const taken = path === undefined ? spare.shift() : undefined;
      const opened = await (taken ?? create(path ?? ':memory:', readOnly));
      return locked(opened, settings, Math.min(threads, threadsWithin(settings)), signal);
    },
  };
}

async function locked(
  { instance, connection }: Opened,
  settings: InstanceSettings,
  threads: number,
  signal: AbortSignal,
): Promise<Instance> {
  const interrupt = () => connection.interrupt();
  let heeded = signal;
  function heed(next: AbortSignal): void {
    heeded.removeEventListener('abort', interrupt);
    heeded = next;
    heeded.addEventListener('abort', interrupt);
  }
  heed(signal);

  async function rows(sql: string, params: string[] = []): Promise<unknown[][]> {
    heeded.throwIfAborted();
    return (await connection.run(sql, params)).getRows();
  }
  function close(): void {
    heeded.removeEventListener('abort', interrupt);
    connection.closeSync();
    instance.closeSync();
  }

  try {
    const locks = [
      `threads = ${threads}`,
      `memory_limit = '${kibibytes(settings.memoryBytes)}'`,
      `temp_directory = ${quote(settings.spill)}`,
      // Given to `create` it is shown and not kept: 343 MB were written with a limit of 1 MiB (1.5.5).
      `max_temp_directory_size = '${kibibytes(settings.spillBytes)}'`,
      ...(settings.ordered === false ? ['preserve_insertion_order = false'] : []),
      `allowed_paths = [${settings.allowed.map(quote).join(', ')}]`,
      'enable_external_access = false',
      'lock_configuration = true',
    ];
    await rows(setAll(locks));
  } catch (err) {
    close();
    throw err;
  }
  return { connection, rows, heed, close };
}

/**
 * What each thread holds whatever it reads (DuckDB 1.5.5, measured): 32 MiB for the lines of a JSON file, and 360 KiB for a chunk of a column of lists. With three threads, one row of
 * 20 columns took more than 61 MiB, of 500 lists more than 366.
 */
const threadBytes = ({ columns = 0 }: InstanceSettings): number => 32 * 2 ** 20 + columns * 360 * 2 ** 10;
const threadsWithin = (settings: InstanceSettings): number =>
  Math.max(1, Math.floor(settings.memoryBytes / threadBytes(settings)));

const setAll = (settings: readonly string[]): string => settings.map((setting) => `SET ${setting}`).join('; ');
const kibibytes = (bytes: number): string => `${Math.floor(bytes / 1024)}KiB`;
