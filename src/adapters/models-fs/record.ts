import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelEntry, ModelId } from '#domain/model.ts';
import { isModelName } from '#domain/models/registry.ts';
import { idOf } from '#domain/models/selection.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import { readJson, writeJson } from './files.ts';

/* An installed model is a folder `<name>@<version>` with its files, read-only, and `model.json`, which says what they are. */

/** By which a file is taken for unchanged without reading it. */
type Print = { bytes: number; mtimeMs: number };

type ModelRecord = { entry: ModelEntry; installedAt: number; prints: Record<string, Print> };

const recordName = 'model.json';

/** Makes the files in a folder read-only and writes the record beside them; durable when it resolves. */
export async function writeRecord(folder: string, entry: ModelEntry, installedAt: number): Promise<void> {
  const prints: Record<string, Print> = {};
  for (const file of entry.files) {
    const path = join(folder, file.name);
    await chmod(path, 0o444);
    prints[file.role] = await printOf(path);
  }
  await writeJson(join(folder, recordName), { entry, installedAt, prints } satisfies ModelRecord);
}

/** Undefined when there is no such model, or its record is none. */
export async function readRecord(root: string, id: ModelId): Promise<(ModelRecord & InstalledModel) | undefined> {
  if (!isModelName(id.name) || !isModelName(id.version)) return undefined;
  const folder = join(root, idOf(id));
  const record = (await readJson(join(folder, recordName)).catch((err) => {
    if (err instanceof SyntaxError) return undefined;
    throw err;
  })) as ModelRecord | undefined;
  if (!record?.entry?.files || record.entry.name !== id.name || record.entry.version !== id.version) return undefined;
  return {
    ...record,
    files: Object.fromEntries(record.entry.files.map(({ role, name }) => [role, join(folder, name)])),
    bytes: record.entry.files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** What is different from when it was installed, by size and time alone; undefined when nothing is. */
export async function changeOf(record: ModelRecord & InstalledModel): Promise<string | undefined> {
  for (const [role, path] of Object.entries(record.files)) {
    const now = await printOf(path).catch((err: NodeJS.ErrnoException) => err.code ?? 'unreadable');
    if (typeof now === 'string') return `${path} cannot be read (${now})`;
    const then = record.prints[role];
    if (now.bytes !== then?.bytes || now.mtimeMs !== then.mtimeMs) return `${path} is not what was installed`;
  }
  return undefined;
}

/** The names and versions of the folders that may hold a model. */
export async function modelFolders(root: string): Promise<ModelId[]> {
  const found = await readdir(root, { withFileTypes: true }).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return [];
    throw err;
  });
  return found.flatMap((each) => {
    const [name = '', version = '', ...more] = each.name.split('@');
    return each.isDirectory() && more.length === 0 && isModelName(name) && isModelName(version)
      ? [{ name, version }]
      : [];
  });
}

/** Errors: rejects for what is no plain file; a link could lead anywhere by the time it is read. */
async function printOf(path: string): Promise<Print> {
  const found = await lstat(path);
  if (!found.isFile()) throw Object.assign(new Error(`${path} is no plain file`), { code: 'no plain file' });
  return { bytes: found.size, mtimeMs: found.mtimeMs };
}
