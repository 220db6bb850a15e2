/**
 * Kills an update of exported files with SIGKILL at every step, one after the other: while rows are written, while DuckDB works, before and after each file gets its
 * name, each manifest is committed, each old file removed. After each kill, every file that the manifest names must be whole: read by an independent reader
 * (hyparquet), the same rows in both formats, as its checksum says. Then an update runs to its end, and the files must hold what the store holds, row by row.
 * Each round has a question of its own, which becomes a password before one of its kills, another one in each round: from the end of that update on no file may hold
 * an answer to it, although the update that was to take them out was killed.
 * `--plant` spoils a file before the last check, which must then fail: that proves that this test can.
 * Usage: npm run test:export-kill -- [--rounds 20] [--plant]
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { type Dataset, type DatasetFile, datasetArea, manifestName } from '#domain/dataset/dataset.ts';
import { dayIn } from '#domain/day.ts';
import { compileForm, contentSha256 } from '#domain/form/compile.ts';
import { parseDefinition } from '#domain/form/definition.ts';
import { type FormVersion, versionId } from '#domain/form/form.ts';
import { effectiveLabel, newResponse, type Response } from '#domain/response.ts';
import type { Storage } from '#ports/storage.ts';
import { readParquetRows } from '../support/hyparquet.ts';
import { openExportStore } from './export-store.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, plant: { type: 'boolean', default: false } },
});
const dir = mkdtempSync(join(tmpdir(), 'formstead-export-kill-'));
const failures: string[] = [];
const dayMs = 86_400_000;
const begin = Date.now() - 40 * dayMs;
let submitted = 0;
let updates = 0;

type World = Awaited<ReturnType<typeof openExportStore>>;
/** Opens the store, and closes it again: the next process wants it. */
async function inStore<T>(work: (world: World) => Promise<T>): Promise<T> {
  const world = await openExportStore(dir);
  try {
    return await work(world);
  } finally {
    await world.storage.close();
  }
}

/** Of each round the name of its question, and whether it is a password by now. */
const pins = new Map<string, 'text' | 'password'>();
const pinNow = () => [...pins].findLast(([, inputType]) => inputType === 'text')?.[0];

function versionOf(formId: string, version: number): FormVersion {
  const questions = [...pins].map(([name, inputType]) => ({ type: 'text', name, inputType }));
  const parsed = parseDefinition({ elements: [{ type: 'comment', name: 'message' }, ...questions] });
  if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues));
  const { definition } = parsed;
  return {
    id: versionId(formId, version),
    formId,
    version,
    title: 'A form',
    definition,
    intelligence: undefined,
    compiled: compileForm(definition),
    contentSha256: contentSha256(definition),
    publishedAt: begin,
  };
}

async function makeForm({ storage, ids }: World): Promise<string> {
  const id = ids.next('frm');
  const version = versionOf(id, 1);
  const doc = {
    id,
    slug: id,
    title: 'A form',
    status: 'open',
    definition: version.definition,
    intelligence: undefined,
    settings: {},
    version: 1,
    createdAt: begin,
    updatedAt: begin,
  } as const;
  await storage.commit({ change: { op: 'insert', kind: 'form', doc }, also: [{ kind: 'form-version', doc: version }] });
  return id;
}

async function publish({ storage }: World, formId: string): Promise<void> {
  const { doc, revision } = (await storage.get('form', formId))!;
  const version = versionOf(formId, doc.version + 1);
  await storage.commit({
    change: { op: 'update', kind: 'form', doc: { ...doc, version: version.version }, expect: revision },
    also: [{ kind: 'form-version', doc: version }],
  });
}

/** A new day of responses, one of an older day reviewed, and one removed. */
async function change({ storage, ids }: World, formId: string, n: number): Promise<void> {
  const at = begin + n * 3_600_000 * 7;
  const formVersion = (await storage.get('form', formId))!.doc.version;
  const pin = pinNow();
  for (let i = 0; i < 5; i++) {
    const response = newResponse({
      id: ids.next('rsp'),
      formId,
      formVersion,
      answers: {
        message: `Message ${submitted++}, “größer” than\nthe one before`,
        ...(pin !== undefined && { [pin]: `secret of ${pin}` }),
      },
      metadata: undefined,
      now: at,
      day: dayIn('Europe/Berlin', at),
      bodySha256: undefined,
      idempotency: undefined,
      salt: '00',
      hiddenDropped: 0,
      steps: [],
    });
    await storage.commit({ change: { op: 'insert', kind: 'response', doc: response } });
  }
  const { items } = await storage.list('response', { where: { formId }, limit: 1000 });
  const one = items[(n * 7) % items.length]!;
  const doc = { ...one.doc, review: { label: `label ${n}`, by: 'usr_1', at } };
  await storage.commit({ change: { op: 'update', kind: 'response', doc, expect: one.revision } });
  const other = items[(n * 11 + 1) % items.length]!;
  if (other !== one)
    await storage.commit({ change: { op: 'remove', kind: 'response', id: other.doc.id, expect: other.revision } });
}

const child = promisify(execFile);
/** The number of its steps; undefined when it was killed. */
async function update(formId: string, killAt: number): Promise<number | undefined> {
  // Two hours from one update to the next: the files of the one before the last are removed.
  updates += 1;
  const ahead = String(updates * 7_200_000);
  const script = new URL('./export-child.ts', import.meta.url).pathname;
  try {
    const { stdout } = await child(process.execPath, [script, dir, formId, String(killAt), ahead]);
    return Number(stdout);
  } catch (err) {
    const { signal, stderr } = err as { signal?: string; stderr?: string };
    if (signal !== 'SIGKILL') throw new Error(`the update failed: ${stderr}`, { cause: err });
    return undefined;
  }
}

/** Rows by response, of every file that the manifest names. Notes what is torn. */
async function filesOf(dataset: Dataset | undefined): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  for (const { parquet, jsonl, rows: count } of dataset?.partitions ?? []) {
    const read = (file: DatasetFile) => {
      const bytes = readFileSync(join(dir, 'blobs', datasetArea(dataset!.id), file.name));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (sha256 !== file.sha256) failures.push(`${file.name} is torn: its checksum is not that of the manifest`);
      return bytes;
    };
    const lines = gunzipSync(read(jsonl)).toString('utf8').trim().split('\n');
    const fromLines = lines.map((line) => rowOf(JSON.parse(line)));
    const fromTable = (await readParquetRows(read(parquet))).map(rowOf);
    if (JSON.stringify(fromLines) !== JSON.stringify(fromTable)) failures.push(`${parquet.name}: the formats differ`);
    if (fromLines.length !== count) failures.push(`${parquet.name} has ${fromLines.length} rows instead of ${count}`);
    for (const [id, text] of fromTable) {
      if (rows.has(id)) failures.push(`${id} is there twice`);
      rows.set(id, text);
    }
  }
  return rows;
}

const rowOf = (row: Record<string, unknown>): [string, string] => [
  String(row.response_id),
  JSON.stringify([row.message__text, row.label ?? null, ...[...pins.keys()].map((pin) => row[`${pin}__text`] ?? null)]),
];

const open = (pin: string): boolean => pins.get(pin) === 'text';
const textOf = (doc: Response): string =>
  JSON.stringify([
    doc.answers.message,
    effectiveLabel(doc) ?? null,
    ...[...pins.keys()].map((pin) => (open(pin) ? (doc.answers[pin] ?? null) : null)),
  ]);

async function inTheStore(storage: Storage, formId: string): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  let after: string | undefined;
  do {
    const page = await storage.list('response', { where: { formId }, limit: 1000, after });
    for (const { doc } of page.items) rows.set(doc.id, textOf(doc));
    after = page.next;
  } while (after !== undefined);
  return rows;
}

async function compare(formId: string, spoil: boolean): Promise<void> {
  await inStore(async ({ storage }) => {
    const dataset = (await storage.get('dataset', formId))?.doc;
    if (spoil) writeFileSync(join(dir, 'blobs', datasetArea(formId), dataset!.partitions[0]!.jsonl.name), 'spoilt');
    const beside = JSON.parse(readFileSync(join(dir, 'blobs', datasetArea(formId), manifestName), 'utf8'));
    if (beside.version !== dataset!.version)
      failures.push(`${manifestName} is of version ${beside.version}, the manifest of ${dataset!.version}`);
    const [files, store] = [await filesOf(dataset), await inTheStore(storage, formId)];
    for (const [id, text] of store) if (files.get(id) !== text) failures.push(`${id} is not as in the store`);
    for (const id of files.keys()) if (!store.has(id)) failures.push(`${id} was removed and is there`);
  });
}

/** Not the first, which has answers to be taken out. */
const closedAt = (round: number): number => 2 + ((round - 1) % 12);

async function main(): Promise<void> {
  const formId = await inStore(makeForm);
  let [kills, n] = [0, 0];
  for (let round = 1; round <= Number(values.rounds); round++) {
    let steps: number | undefined;
    let killAt = 0;
    const pin = `pin${round}`;
    do {
      killAt += 1;
      if (killAt === 1) pins.set(pin, 'text');
      if (killAt === closedAt(round)) pins.set(pin, 'password');
      await inStore(async (world) => {
        if (killAt === 1 || killAt === closedAt(round)) await publish(world, formId);
        await change(world, formId, n++);
      });
      steps = await update(formId, killAt);
      if (steps === undefined) kills += 1;
      await inStore(async ({ storage }) => void (await filesOf((await storage.get('dataset', formId))?.doc)));
      if ((await update(formId, 0)) === undefined) throw new Error('an update that nobody killed was killed');
      await compare(formId, false);
    } while (steps === undefined);
    console.log(`round ${round}: killed at each of ${killAt - 1} steps, ${failures.length} failures`);
  }
  if (values.plant) await compare(formId, true).catch((err) => failures.push(String(err)));
  for (const failure of failures.slice(0, 20)) console.error(failure);
  console.log(`${failures.length === 0 ? 'ok' : 'FAILED'}: ${kills} kills, ${updates} updates, ${submitted} responses`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

try {
  await main();
} finally {
  rmSync(dir, { recursive: true, force: true });
}
