import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { AppError } from '#domain/errors.ts';
import { writeHashed } from './files.ts';

/** Wheels have some hundred entries. */
const mostEntries = 100_000;
const regularFile = 0o100000;
const fileTypeBits = 0o170000;

/**
 * Writes one member of a zip into a file of our own naming, at most `most` bytes, whatever the archive says of it. No name of the archive ever becomes a path.
 * Errors: `value-refused` when there is no such member, it is no plain file, or the archive is broken.
 */
export async function extractMember(
  archive: string,
  member: string,
  to: string,
  options: { most: number; told?: (bytes: number) => void },
): Promise<{ bytes: number; sha256: string }> {
  const zip = await opened(archive);
  try {
    const entry = await found(zip, member);
    if (entry.uncompressedSize > options.most)
      throw refused(`${member} has ${entry.uncompressedSize} bytes, and at most ${options.most} are expected`);
    const stream = await zip.openReadStreamPromise(entry);
    // It unpacks ahead: what goes wrong before the first read must wait for it, and not end the process.
    stream.on('error', () => {});
    return await writeHashed(to, stream, options);
  } catch (err) {
    throw asRefusal(err);
  } finally {
    zip.close();
  }
}

/** Size of a member, without unpacking it. Errors: as above. */
export async function memberSize(archive: string, member: string): Promise<number> {
  const zip = await opened(archive);
  try {
    return (await found(zip, member)).uncompressedSize;
  } catch (err) {
    throw asRefusal(err);
  } finally {
    zip.close();
  }
}

async function opened(path: string): Promise<ZipFile> {
  return openPromise(path, {
    lazyEntries: true,
    autoClose: false,
    strictFileNames: true,
    validateEntrySizes: true,
  }).catch((err: unknown) => {
    throw asRefusal(err);
  });
}

async function found(zip: ZipFile, member: string): Promise<Entry> {
  if (zip.entryCount > mostEntries) throw refused(`it has ${zip.entryCount} entries`);
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName !== member) continue;
    const type = (entry.externalFileAttributes >>> 16) & fileTypeBits;
    if (type !== 0 && type !== regularFile) throw refused(`${member} is a link or a device, and no plain file`);
    if (entry.isEncrypted()) throw refused(`${member} is encrypted`);
    return entry;
  }
  throw refused(`it has no ${member}`);
}

const refused = (why: string) => new AppError('value-refused', { detail: `The archive cannot be used: ${why}.` });

/** What the disk says goes on as it is; everything else is the archive's. */
function asRefusal(err: unknown): unknown {
  if (err instanceof AppError || !(err instanceof Error) || 'syscall' in err) return err;
  return new AppError('value-refused', { detail: `The archive cannot be used: ${err.message}.`, cause: err });
}
