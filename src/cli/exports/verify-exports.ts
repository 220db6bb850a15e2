import { datasetLine, verifyDatasets } from '#app/exports/dataset-verify.ts';
import { openAdapters, openLog } from '#compose.ts';
import { progressBar } from '../progress.ts';
import { configOrExit } from '../settings.ts';
import { version } from '../version.ts';
import { formIdOf } from './export-file.ts';

/** Reads every exported file again and prints one line, and what there is to say on standard error; exit code 1 when something does not add up. Works beside a running server. */
export async function verifyExports(options: { form?: string; json?: boolean }): Promise<void> {
  const { config } = configOrExit();
  const log = await openLog({ logLevel: 'error' });
  const adapters = await openAdapters(config, { log, version, readOnly: true });
  const bar = progressBar('partitions', options.json !== true);
  try {
    const formId = options.form === undefined ? undefined : await formIdOf(adapters, options.form);
    const verdict = await verifyDatasets(adapters, { ...(formId !== undefined && { formId }) }, (seen) =>
      bar.update(seen),
    );
    bar.stop();
    if (options.json) console.log(JSON.stringify(verdict));
    else {
      for (const told of [...verdict.problems, ...verdict.notices]) console.error(told);
      console.log(datasetLine(verdict));
    }
    process.exitCode = verdict.problems.length === 0 ? 0 : 1;
  } finally {
    bar.stop();
    await adapters.close();
  }
}
