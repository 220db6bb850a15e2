import { open, rename, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError } from '#domain/errors.ts';
import type { ModelEntry, RegisteredModel } from '#domain/model.ts';
import { type CustomFlags, customEntry, modelNameOf } from '#domain/models/gguf-entry.ts';
import { isModelName } from '#domain/models/registry.ts';
import type { FetchOptions } from '#ports/model-store.ts';
import { type FetchDeps, room } from './fetch-file.ts';
import { chunksOf, writeHashed } from './files.ts';
import { readGgufHead } from './gguf.ts';
import { stopped } from './http-get.ts';

type Copied = { name: string; path: string; bytes: number; sha256: string };

/**
 * Copies files into `folder`, hashing them on the way, and says which model they are: one that is known by its checksums, or one GGUF file by its head and the
 * flags. Errors: `not-found`, `value-refused` (no such model, no GGUF), `disk-nearly-full`.
 */
export async function importInto(
  folder: string,
  paths: readonly string[],
  { known, flags }: { known: readonly RegisteredModel[]; flags: CustomFlags },
  deps: Pick<FetchDeps, 'disk' | 'reserveBytes'>,
  { signal, progress }: Pick<FetchOptions, 'signal' | 'progress'>,
): Promise<ModelEntry> {
  const sizes = await Promise.all(paths.map(sizeOf));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  await room(deps, total);
  let done = 0;
  const copied: Copied[] = [];
  for (const [i, path] of paths.entries()) {
    const to = join(folder, `${i}.copy`);
    const told = (bytes: number) => {
      if (signal?.aborted) throw stopped();
      done += bytes;
      progress?.(done, total);
    };
    await using file = await open(path, 'r');
    const hashed = await writeHashed(to, chunksOf(file), { most: sizes[i]!, told });
    copied.push({ name: basename(path), path: to, ...hashed });
  }
  const entry = knownEntry(known, copied) ?? (await headEntry(copied, flags));
  for (const file of entry.files)
    await rename(copied.find(({ sha256 }) => sha256 === file.sha256)!.path, join(folder, file.name));
  return entry;
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((err: NodeJS.ErrnoException) => {
    throw new AppError('not-found', { detail: `${path} cannot be read (${err.code}).`, cause: err });
  });
  if (!found.isFile()) throw new AppError('value-refused', { detail: `${path} is not a file.` });
  return found.size;
}

/** The model of a registry all of whose files are there, and no other. */
function knownEntry(known: readonly RegisteredModel[], copied: Copied[]): ModelEntry | undefined {
  const found = known.find(
    ({ files }) =>
      files.length === copied.length && files.every((file) => copied.some(({ sha256 }) => sha256 === file.sha256)),
  );
  return found as ModelEntry | undefined;
}

async function headEntry(copied: Copied[], flags: CustomFlags): Promise<ModelEntry> {
  const [file, ...more] = copied;
  if (file === undefined || more.length > 0)
    throw new AppError('value-refused', {
      detail: `No registry knows a model of exactly these files: ${copied.map(({ name, sha256 }) => `${name} (sha256 ${sha256})`).join(', ')}. Give all files of one model, or add it to the file of FORMSTEAD_MODEL_REGISTRY.`,
    });
  const head = await readGgufHead(file.path).catch((err: unknown) => {
    if (!(err instanceof AppError)) throw err;
    throw new AppError('value-refused', {
      detail: `No registry knows ${file.name} (sha256 ${file.sha256}), and it says nothing of itself. ${err.detail} Other models are added to the file of FORMSTEAD_MODEL_REGISTRY.`,
    });
  });
  const { bytes, sha256 } = file;
  const entry = customEntry({ name: `${modelNameOf(file.name)}.gguf`, bytes, sha256 }, head, flags);
  for (const text of [entry.name, entry.version])
    if (!isModelName(text))
      throw new AppError('value-refused', {
        detail: `${text} cannot be a name or version: use lower-case letters, digits, dots and hyphens.`,
      });
  return entry;
}
