import { mkdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ModelPurpose } from '#domain/model.ts';
import { ModelError } from '#domain/model-error.ts';
import { customEntry } from '#domain/models/gguf-entry.ts';
import { findModel } from '#domain/models/registry.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import { hashFile, readJson, writeJson } from './files.ts';
import { readGgufHead } from './gguf.ts';
import { changeOf, readRecord } from './record.ts';

type Deps = {
  root: string;
  /** What the settings say for each purpose; it goes before what was chosen by command. */
  set: { [P in ModelPurpose]?: string };
  installed(): Promise<InstalledModel[]>;
  selection(): Promise<{ [P in ModelPurpose]?: { name: string; version: string } }>;
};

/** Another process's change is seen within this time. Looking takes 0.08 ms, from memory 0.14 us (bench/models.ts). */
const freshMs = 2000;

/** Answers which model is in use, from memory for two seconds. */
export function createActive(deps: Deps) {
  /** `at` is unset while it is being looked for: the checksum of a large file takes longer than two seconds. */
  const known = new Map<ModelPurpose, { at?: number; model: Promise<InstalledModel | undefined> }>();

  async function look(purpose: ModelPurpose): Promise<InstalledModel | undefined> {
    const reference = deps.set[purpose];
    if (reference !== undefined && isPath(reference)) return await fromPath(deps.root, resolve(reference));
    const id = reference === undefined ? (await deps.selection())[purpose] : await installedId(deps, reference);
    if (id === undefined) return undefined;
    const record = await readRecord(deps.root, id);
    if (record === undefined)
      throw unavailable(
        `${id.name}@${id.version} is not installed. Install it by formstead models pull, or use another.`,
      );
    if (record.entry.purpose !== purpose) throw unavailable(`${id.name} is a model for ${record.entry.purpose}.`);
    const change = await changeOf(record);
    if (change !== undefined) throw unavailable(`${change}. formstead models verify says whether it is whole.`);
    const { entry, files, bytes, installedAt } = record;
    return { entry, files, bytes, installedAt };
  }

  return {
    ask(purpose: ModelPurpose): Promise<InstalledModel | undefined> {
      const found = known.get(purpose);
      if (found && (found.at === undefined || performance.now() - found.at < freshMs)) return found.model;
      const model = look(purpose).catch((err: unknown) => {
        throw err instanceof ModelError ? err : unavailable((err as Error).message, err);
      });
      const asked: { at?: number; model: typeof model } = { model };
      known.set(purpose, asked);
      const settle = () => {
        asked.at = performance.now();
      };
      model.then(settle, settle);
      return model;
    },
    forget: () => known.clear(),
  };
}

async function installedId(deps: Deps, reference: string) {
  const found = findModel(
    (await deps.installed()).map(({ entry }) => entry),
    reference,
  );
  if (found) return { name: found.name, version: found.version };
  throw unavailable(`${reference}, which the settings name, is not installed: formstead models pull ${reference}`);
}

export const isPath = (reference: string): boolean => /[/\\]|\.gguf$/i.test(reference);

type PathRecord = { bytes: number; mtimeMs: number; sha256: string };

/** A file that the settings name. Its checksum takes seconds, so it is kept beside size and time: in memory, and on disk where that may be written. */
const hashed = new Map<string, PathRecord>();

async function fromPath(root: string, path: string): Promise<InstalledModel> {
  const { size: bytes, mtimeMs } = await stat(path).catch((err: NodeJS.ErrnoException) => {
    throw unavailable(`FORMSTEAD_MODEL names ${path}, which cannot be read (${err.code}).`, err);
  });
  const record = join(root, 'paths.json');
  const same = (one: PathRecord | undefined) => one?.bytes === bytes && one.mtimeMs === mtimeMs && one;
  let kept = same(hashed.get(path));
  if (!kept) {
    const onDisk = ((await readJson(record).catch(() => undefined)) ?? {}) as Record<string, PathRecord>;
    kept = same(onDisk[path]) || { bytes, mtimeMs, sha256: await hashFile(path) };
    hashed.set(path, kept);
    if (!same(onDisk[path])) {
      await mkdir(root, { mode: 0o700 }).catch(() => {});
      await writeJson(record, { ...onDisk, [path]: kept }).catch(() => {});
    }
  }
  const entry = customEntry({ name: basename(path), bytes, sha256: kept.sha256 }, await readGgufHead(path));
  return { entry, files: { model: path }, bytes, installedAt: Math.round(mtimeMs) };
}

const unavailable = (detail: string, cause?: unknown) => new ModelError('model-unavailable', detail, { cause });
