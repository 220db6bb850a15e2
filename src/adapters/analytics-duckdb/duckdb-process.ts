import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppError } from '#domain/errors.ts';
import type { CopyAnswer, CopyJob } from './protocol.ts';

const entry = fileURLToPath(new URL('./duckdb-child.ts', import.meta.url));

/**
 * Runs one job in a DuckDB process and returns the number of rows. The process is killed at the deadline and on abort, and ends with its parent.
 * Errors: `storage-unavailable` when the disk is full; the signal's reason after an abort; an `Error` for everything else that ended it.
 */
export async function runDuckdb(
  job: CopyJob,
  limits: { deadlineMs: number; signal: AbortSignal; onStart?: (pid: number) => void },
): Promise<number> {
  const { signal } = limits;
  signal.throwIfAborted();
  // No environment: the secrets of the server are none of its business.
  const child = fork(entry, [], { execArgv: [], env: {}, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const kill = () => void child.kill('SIGKILL');
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    kill();
  }, limits.deadlineMs);
  signal.addEventListener('abort', kill);
  let answer: CopyAnswer | undefined;
  let fault: Error | undefined;
  try {
    await new Promise<void>((resolve) => {
      child.once('message', (message: CopyAnswer) => {
        answer = message;
      });
      child.once('error', (err) => {
        fault = err;
        // Without a pid it has never run, and there will be no exit.
        if (child.pid === undefined) resolve();
      });
      child.once('exit', () => resolve());
      child.send(job, (err) => {
        if (err) kill();
      });
      if (child.pid !== undefined) limits.onStart?.(child.pid);
    });
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener('abort', kill);
  }
  if (answer !== undefined && 'rows' in answer) return answer.rows;
  signal.throwIfAborted();
  if (answer?.diskFull)
    throw new AppError('storage-unavailable', { detail: 'The disk refused', retryAfterSeconds: 10 });
  if (answer !== undefined) throw new Error(`DuckDB: ${answer.failed}`);
  if (late) throw new Error(`The DuckDB process was ended after ${limits.deadlineMs} ms`);
  throw new Error(`The DuckDB process ended (${child.signalCode ?? child.exitCode ?? 'not started'})`, {
    cause: fault,
  });
}
