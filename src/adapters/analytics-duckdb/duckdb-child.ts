import { DuckDBInstance } from '@duckdb/node-api';
import { standBack } from '#adapters/child-process/niceness.ts';
import { copyStatement, quote } from './copy-statement.ts';
import type { CopyAnswer, CopyJob } from './protocol.ts';

/* Process of its own for DuckDB: it can be ended at any moment, and its memory and its faults are not the server's. Each job has an instance of its own. */

// The parent is gone and nobody will take the file. DuckDB works on other threads; only a kill stops them at once.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
standBack('file');

const refusals = [
  [/No space left/i, 'ENOSPC: no space left on device'],
  [/quota/i, 'EDQUOT: disk quota exceeded'],
  [/Read-only file system/i, 'EROFS: read-only file system'],
] as const;

process.on('message', async (job: CopyJob) => {
  process.send!(await copy(job).catch(failure));
});

async function copy(job: CopyJob): Promise<CopyAnswer> {
  const instance = await DuckDBInstance.create(':memory:', {
    // The other cores are for those who wait.
    threads: '1',
    memory_limit: `${Math.floor(job.memoryBytes / 1024)}KiB`,
    temp_directory: job.spill,
    // Else a row group cannot be measured in bytes. With one thread the rows keep their order all the same.
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  try {
    await connection.run(`SET allowed_paths = [${quote(job.input)}, ${quote(job.output)}]`);
    await connection.run('SET enable_external_access = false');
    await connection.run('SET lock_configuration = true');
    const { rowsChanged } = await connection.run(copyStatement(job));
    return { rows: rowsChanged };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function failure(err: unknown): CopyAnswer {
  const message = err instanceof Error ? err.message : '';
  const kind = /^[A-Z][A-Za-z ]{2,40}(?=:)/.exec(message)?.[0] ?? 'Unknown Error';
  const refusal = kind === 'IO Error' ? refusals.find(([sign]) => sign.test(message)) : undefined;
  return { failed: kind, refused: refusal?.[1] };
}
