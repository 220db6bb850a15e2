import { randomBytes } from 'node:crypto';
import { lstat, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#domain/errors.ts';
import type { FirstPassword, PasswordFile } from '#ports/password-file.ts';

const textOf = ({ email, password }: FirstPassword) => `${email}\n${password}\n`;

/** `first-admin.txt` in the data directory, mode 0600: the e-mail address and the password, a line each. The directory must be there. */
export function createPasswordFile({ dataDir }: { dataDir: string }): PasswordFile {
  const path = join(dataDir, 'first-admin.txt');

  async function writeAndSync(file: string, text: string): Promise<void> {
    // 'wx': nobody's file is followed or overwritten.
    const handle = await open(file, 'wx', 0o600);
    try {
      // The mode given to open() is cut by the umask.
      await handle.chmod(0o600);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Without it a power cut may bring the earlier name back. */
  async function syncDirectory(): Promise<void> {
    const directory = await open(dataDir, 'r');
    await directory.sync().finally(() => directory.close());
  }

  return {
    path,
    async write(kept) {
      const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
      try {
        await writeAndSync(temporary, textOf(kept));
        await rename(temporary, path);
        await syncDirectory();
      } catch (cause) {
        await rm(temporary, { force: true }).catch(() => {});
        const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
        throw new AppError('storage-unavailable', {
          detail: `${path}, where the password of the first administrator is to be kept, cannot be written (${reason}). No user has been made. Make room for that file, or set FORMSTEAD_ADMIN_EMAIL and FORMSTEAD_ADMIN_PASSWORD.`,
          cause,
        });
      }
    },
    async remove(kept) {
      const found = await readFile(path, 'utf8').catch(() => undefined);
      if (found === textOf(kept)) await rm(path, { force: true });
    },
    exists: () =>
      lstat(path).then(
        () => true,
        () => false,
      ),
  };
}
