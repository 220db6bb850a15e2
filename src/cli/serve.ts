import cluster from 'node:cluster';
import { servingRole } from '#compose.ts';
import { runProcess } from './process.ts';
import { configOrExit } from './settings.ts';
import { version } from './version.ts';

/** The API, and in the embedded size the workers too; as several processes where the configuration says so. `workers: false`: the API alone. */
export async function serve(options: { workers?: boolean } = {}): Promise<void> {
  const loaded = configOrExit();
  if (loaded.config.workers > 1 && cluster.isPrimary) {
    await (await import('./cluster.ts')).supervise(loaded);
    return;
  }
  await runProcess(
    loaded,
    options.workers === false ? { api: true, queues: [] } : servingRole(loaded.config),
    async ({ url, firstAdmin, passwordFile }, log, config) => {
      if (firstAdmin?.password) announceFirstAdmin(passwordFile.path, firstAdmin.email, firstAdmin.password);
      // The start that made the administrator may have died before it showed anything.
      else if (await passwordFile.exists())
        log.warn(
          { file: passwordFile.path },
          'the first administrator still waits in this file: sign in, and remove it',
        );
      log.info({ url, version, dataDir: config.dataDir, pid: process.pid }, 'listening');
    },
  );
}

/** Shown once on the terminal, beside the file that only its owner reads; never logged. */
function announceFirstAdmin(file: string, email: string, password: string): void {
  console.error(`\nThe first administrator has been made:\n\n  e-mail    ${email}\n  password  ${password}\n`);
  console.error(`This is shown once. It is kept in ${file}; sign in, change it, and remove that file.\n`);
}
