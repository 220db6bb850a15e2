import { appendFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#domain/errors.ts';
import type { ModelEntry, ModelFile, ModelId, RegisteredModel } from '#domain/model.ts';
import { idOf } from '#domain/models/selection.ts';
import type { FetchOptions, InstalledModel, ModelFiles } from '#ports/model-store.ts';
import { type FetchDeps, fetchFile } from './fetch-file.ts';
import { guarded, hashFile, syncFolder, writeJson } from './files.ts';
import { importInto } from './import.ts';
import { withLock } from './lock.ts';
import { createModelStore, type ModelStoreDeps } from './model-store.ts';
import { changeOf, readRecord, writeRecord } from './record.ts';

/** How long another process may be at work on the same model before we give up: a large model over a slow line. */
const waitForPullMs = 6 * 60 * 60 * 1000;
/** And on the selection, which is a small file. */
const waitForSelectionMs = 10_000;

/** What the operator may do besides, for the commands; a server loads none of it. */
export function createModelFiles(deps: ModelStoreDeps & FetchDeps): ModelFiles {
  const { directory: root, clock } = deps;
  const store = createModelStore(deps);
  const locks = join(root, '.locks');
  const staging = (name: string) => join(root, '.staging', name);

  async function find(id: ModelId): Promise<InstalledModel | undefined> {
    const record = await readRecord(root, id);
    if (record === undefined) return undefined;
    const { entry, files, bytes, installedAt } = record;
    return { entry, files, bytes, installedAt };
  }

  /** Gives a finished folder its place. What is there already is what was found damaged. */
  async function place(folder: string, entry: ModelEntry): Promise<InstalledModel> {
    await writeRecord(folder, entry, clock.now());
    await syncFolder(folder);
    const to = join(root, idOf(entry));
    await rm(to, { recursive: true, force: true });
    await rename(folder, to);
    await syncFolder(root);
    store.forget();
    return (await find(entry))!;
  }

  async function pullFiles(model: RegisteredModel, { signal, progress }: FetchOptions): Promise<InstalledModel> {
    const folder = staging(idOf(model));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const total = model.files.reduce((sum, { bytes }) => sum + bytes, 0);
    let before = 0;
    const files: ModelFile[] = [];
    const network = { ...deps.network, signal };
    for (const file of model.files) {
      const told = (fraction: number) => progress?.(before + Math.round(fraction * file.bytes), total);
      files.push(await fetchFile(file, folder, { ...deps, network }, told));
      before += file.bytes;
    }
    await keepOnly(folder, files);
    return await place(folder, { ...model, files });
  }

  return {
    active: store.active,
    installed: () => guarded(root, store.installed),
    selection: () => guarded(root, store.selection),

    pull: (model, options = {}) =>
      guarded(root, () =>
        withLock(locks, idOf(model), { ...options, waitMs: waitForPullMs }, async () => {
          const record = await readRecord(root, model);
          if (record && (await changeOf(record)) === undefined) return { model: (await find(model))!, installed: true };
          return { model: await pullFiles(model, options), installed: false };
        }),
      ),

    importFiles: (paths, known, flags, options = {}) =>
      guarded(root, () =>
        withLock(locks, 'import', { ...options, waitMs: waitForPullMs }, async () => {
          const folder = staging('import');
          await rm(folder, { recursive: true, force: true });
          await mkdir(folder, { recursive: true, mode: 0o700 });
          try {
            const entry = await importInto(folder, paths, { known, flags }, deps, options);
            // It may be being pulled just now.
            return await withLock(locks, idOf(entry), { ...options, waitMs: waitForPullMs }, async () => {
              const there = await readRecord(root, entry);
              if (there && (await changeOf(there)) === undefined)
                throw new AppError('already-exists', { detail: `${idOf(entry)} is installed already.` });
              await keepOnly(folder, entry.files);
              return await place(folder, entry);
            });
          } finally {
            await rm(folder, { recursive: true, force: true });
          }
        }),
      ),

    verify: (model, progress) => guarded(root, () => verifyFiles(root, model, progress)),

    select: (change) =>
      guarded(root, () =>
        withLock(locks, 'selection', { waitMs: waitForSelectionMs }, async () => {
          const before = await store.selection();
          const after = change(before);
          if (after !== before) await writeJson(join(root, 'active.json'), after);
          store.forget();
          return after;
        }),
      ),

    remove: (id) =>
      guarded(root, () =>
        withLock(locks, idOf(id), { waitMs: waitForSelectionMs }, async () => {
          for (const folder of [join(root, idOf(id)), staging(idOf(id))])
            await rm(folder, { recursive: true, force: true });
          await syncFolder(root);
          store.forget();
        }),
      ),

    note: (line) =>
      guarded(root, async () => {
        await mkdir(root, { recursive: true, mode: 0o700 });
        await appendFile(join(root, 'history.jsonl'), `${JSON.stringify(line)}\n`, { mode: 0o600, flush: true });
      }),
  };
}

/** Takes away what a crash may have left beside the files of the model. */
async function keepOnly(folder: string, files: readonly ModelFile[]): Promise<void> {
  for (const name of await readdir(folder))
    if (!files.some((file) => file.name === name)) await rm(join(folder, name), { recursive: true, force: true });
}

async function verifyFiles(
  root: string,
  { entry, files, bytes, installedAt }: InstalledModel,
  progress: ((done: number, total: number) => void) | undefined,
): Promise<string[]> {
  const wrong: string[] = [];
  let done = 0;
  for (const file of entry.files) {
    const path = files[file.role]!;
    const sha256 = await hashFile(path, (count) => {
      done += count;
      progress?.(done, bytes);
    }).catch((err: NodeJS.ErrnoException) => err);
    if (sha256 instanceof Error) wrong.push(`${path} cannot be read (${sha256.code}).`);
    else if (sha256 !== file.sha256) wrong.push(`${path} has another checksum: ${sha256} instead of ${file.sha256}.`);
  }
  const record = await readRecord(root, entry);
  // A copy from a backup has other times; now that it is read, it is known to be the same.
  if (wrong.length === 0 && record && (await changeOf(record)) !== undefined)
    await writeRecord(join(root, idOf(entry)), entry, installedAt);
  return wrong;
}
