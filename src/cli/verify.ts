import { verdictLine, verifyStore } from '#app/verify.ts';
import { openAdapters, openLog } from '#compose.ts';
import { progressBar } from './progress.ts';
import { configOrExit } from './settings.ts';
import { version } from './version.ts';

/** Reconciles everything that is kept and prints one line; exit code 1 when something does not add up. Works beside a running server. */
export async function verify(options: { json?: boolean }): Promise<void> {
  const { config } = configOrExit();
  const log = await openLog({ logLevel: 'error' });
  const adapters = await openAdapters(config, { log, version, readOnly: true });
  const bar = progressBar('verify', options.json !== true);
  try {
    const verdict = await verifyStore({ ...adapters, taskRetentionMs: config.taskRetentionMs }, (seen) =>
      bar.update(seen),
    );
    bar.stop();
    if (options.json) console.log(JSON.stringify(verdict));
    else {
      for (const problem of verdict.problems) console.error(problem);
      console.log(verdictLine(verdict));
    }
    process.exitCode = verdict.problems.length === 0 ? 0 : 1;
  } finally {
    bar.stop();
    await adapters.close();
  }
}
