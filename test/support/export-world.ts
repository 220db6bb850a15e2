import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { createAuditor } from '#app/audit.ts';
import { createDatasets } from '#app/exports/datasets.ts';
import { createExports } from '#app/exports/exports.ts';
import { dayIn } from '#domain/day.ts';
import { compileForm, contentSha256 } from '#domain/form/compile.ts';
import { parseDefinition } from '#domain/form/definition.ts';
import { type Form, type FormVersion, versionId } from '#domain/form/form.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import type { Json } from '#domain/json.ts';
import { newResponse, type Response } from '#domain/response.ts';
import type { NewTask } from '#domain/task.ts';
import type { EventType } from '#domain/webhook/model.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { ExportWriter } from '#ports/export-writer.ts';
import type { Storage } from '#ports/storage.ts';
import {
  createDuckdbExportWriter,
  type DuckdbExportOptions,
} from '../../src/adapters/analytics-duckdb/export-writer.ts';
import { openFileBlobs } from '../../src/adapters/blobs-fs/blobs.ts';
import { createIds } from '../../src/adapters/ids-uuid/ids.ts';
import { openMongoStorage } from '../../src/adapters/storage-mongo/storage.ts';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { mongoPlace } from './mongo-place.ts';
import { mongoUrl } from './services.ts';
import { createMovableClock, createRecordingLog, createRecordingMetrics } from './task-world.ts';

export const timeZone = 'Europe/Berlin';

export type World = Awaited<ReturnType<typeof openExportWorld>>;
export type Row = Record<string, unknown>;

/**
 * A store and files of their own, DuckDB processes, and what makes exports of them. The store is SQLite in a directory, or with FORMSTEAD_TEST_SIZE=stack a database
 * on the server that MONGODB_URL names.
 */
export async function openExportWorld(
  t: Pick<TestContext, 'after'>,
  options: {
    duckdb?: DuckdbExportOptions;
    writer?: ExportWriter;
    blobs?: Partial<BlobStore>;
    freeBytes?: () => number;
  } = {},
) {
  const dir = await mkdtemp(join(tmpdir(), 'formstead-exports-'));
  const clock = createMovableClock();
  const { storage, clear } = await openStore(dir, clock);
  const ids = createIds({ clock });
  const log = createRecordingLog();
  const metrics = createRecordingMetrics();
  const audit = createAuditor({ ids, clock });
  const wanted = new Set<EventType>();
  const offered: NewTask[] = [];
  const files = await openFileBlobs({ directory: join(dir, 'blobs'), clock });
  const blobs: BlobStore = { ...files, ...options.blobs };
  const deps = {
    storage,
    blobs,
    writer: options.writer ?? createDuckdbExportWriter(options.duckdb),
    disk: { read: async () => ({ freeBytes: options.freeBytes?.() ?? 1e12, totalBytes: 1e12 }) },
    diskReserveBytes: 1e6,
    wantsEvent: async (type: EventType) => wanted.has(type),
    clock,
    ids,
    audit,
    offer: (tasks: NewTask[]) => void offered.push(...tasks),
    metrics,
  };
  const exports = createExports(deps);
  const datasets = createDatasets({ ...deps, timeZone });
  const caller = { actor: { kind: 'operator', id: 'test' } } as const;
  t.after(async () => {
    await storage.close();
    await clear();
    await rm(dir, { recursive: true, force: true });
  });

  return {
    dir,
    storage,
    clock,
    ids,
    log,
    metrics,
    audit,
    wanted,
    offered,
    blobs,
    exports,
    datasets,
    caller,

    /** A form with a published version for each definition. */
    async form(versions: { definition: unknown; intelligence?: IntelligenceSpec }[], createdAt = clock.now()) {
      const id = ids.next('frm');
      const published = versions.map((wish, i) => versionOf(id, i + 1, wish, createdAt + i));
      const doc: Form = {
        id,
        slug: id,
        title: 'A form',
        status: published.length === 0 ? 'draft' : 'open',
        definition: published.at(-1)?.definition ?? {},
        intelligence: published.at(-1)?.intelligence,
        settings: {},
        version: published.length,
        createdAt,
        updatedAt: createdAt,
      };
      await storage.commit({
        change: { op: 'insert', kind: 'form', doc },
        also: published.map((version) => ({ kind: 'form-version', doc: version })),
      });
      return doc;
    },

    /** Publishes another version of a form, as an author does. */
    async publish(formId: string, definition: unknown) {
      const { doc: form, revision } = (await storage.get('form', formId))!;
      const version = versionOf(formId, form.version + 1, { definition }, clock.now());
      await storage.commit({
        change: {
          op: 'update',
          kind: 'form',
          doc: { ...form, definition: version.definition, version: version.version },
          expect: revision,
        },
        also: [{ kind: 'form-version', doc: version }],
      });
    },

    /** Keeps a response as the accept path does; `also` is what it came to later. */
    async respond(
      formId: string,
      answers: Record<string, Json>,
      also: { version?: number; at?: number; metadata?: Record<string, string> } & Partial<
        Pick<Response, 'understanding' | 'review' | 'status'>
      > = {},
    ) {
      const { version = 1, at = clock.now(), metadata, ...later } = also;
      const doc = newResponse({
        id: ids.next('rsp'),
        formId,
        formVersion: version,
        answers,
        metadata,
        now: at,
        day: dayIn(timeZone, at),
        bodySha256: '',
        idempotency: undefined,
        salt: '00',
        hiddenDropped: 0,
        steps: [],
      });
      const result = await storage.commit({ change: { op: 'insert', kind: 'response', doc: { ...doc, ...later } } });
      if (result.outcome !== 'committed') throw new Error(result.outcome);
      return doc.id;
    },

    /** Claims the task of an export as a worker does. */
    async claim(taskId: string) {
      const lease = { token: ids.next('lse'), until: clock.now() + 60_000 };
      const task = await storage.tasks.claim(taskId, lease, clock.now());
      if (!task) throw new Error(`nothing to claim under ${taskId}`);
      return { task, cause: { taskId, lease: lease.token } };
    },

    /** Asks for an export and runs it to its end. */
    async make(wish: Parameters<typeof exports.request>[1]) {
      const { exportId, taskId } = await exports.request(caller, wish);
      const { cause } = await this.claim(taskId);
      const report = await exports.run(cause, exportId, { signal: new AbortController().signal, progress() {} });
      return { exportId, taskId, report, path: join(dir, 'blobs', (await exports.get(exportId)).file!) };
    },

    /** Asks for an update of a form's files and runs it to its end, or until `signal` aborts. */
    async update(formId: string, { signal = new AbortController().signal, progress = (_: number) => {} } = {}) {
      const { taskId } = await datasets.request(caller, formId);
      const { cause } = await this.claim(taskId);
      return datasets.update(cause, formId, { signal, progress });
    },

    /** Names of the files that belong to unfinished exports. */
    staged: () => readdir(join(dir, 'blobs', '.staging')),
  };
}

async function openStore(dir: string, clock: Clock): Promise<{ storage: Storage; clear: () => Promise<void> }> {
  if (process.env.FORMSTEAD_TEST_SIZE !== 'stack')
    return { storage: await openSqliteStorage({ dir, synchronous: 'normal' }), clear: async () => {} };
  const place = mongoPlace(mongoUrl()!);
  return { storage: await openMongoStorage({ ...place.options, clock }), clear: place.clear };
}

function versionOf(
  formId: string,
  version: number,
  { definition, intelligence }: { definition: unknown; intelligence?: IntelligenceSpec },
  publishedAt: number,
): FormVersion {
  const parsed = parseDefinition(definition);
  if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues));
  return {
    id: versionId(formId, version),
    formId,
    version,
    title: 'A form',
    definition: parsed.definition,
    intelligence,
    compiled: compileForm(parsed.definition),
    contentSha256: contentSha256(parsed.definition),
    publishedAt,
  };
}

export async function readLines(path: string): Promise<Row[]> {
  const text = gunzipSync(await readFile(path)).toString('utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** Rows and column types of a Parquet file, read back by DuckDB. */
export async function readParquet(path: string): Promise<{ rows: Row[]; types: Record<string, string> }> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${path}')`);
    const types = described.getRowObjectsJson().map((row) => [row.column_name as string, row.column_type as string]);
    const found = await connection.runAndReadAll(`SELECT * FROM read_parquet('${path}')`);
    return { rows: found.getRowObjectsJson(), types: Object.fromEntries(types) };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
