import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { diskRefusal } from '#domain/disk-refusal.ts';
import type { CopyAnswer, CopyJob } from './protocol.ts';

const entry = fileURLToPath(new URL('./duckdb-child.ts', import.meta.url));

/** A process costs 0.18 s of processor time until it can begin, half of what the file of a day of 30,000 responses takes: an update of many days keeps one. */
const idleMs = 2000;

/** What came of a job: an answer, or how the process ended first. */
type Outcome = { answer?: CopyAnswer; ended?: NodeJS.Signals | number | 'not started'; cause?: Error };

/** One DuckDB process for one job after another. It is killed at the deadline of a job and on abort, ends when there was nothing to do for a while, and with its parent. */
export function createDuckdbProcess(limits: {
  /** For one job. */
  deadlineMs: number;
  /** Told the process id at the beginning of each job. */
  onStart?: (pid: number) => void;
}) {
  let kept: ChildProcess | undefined;
  let idle: NodeJS.Timeout | undefined;

  function start(): ChildProcess {
    // No environment: the secrets of the server are none of its business.
    const child = fork(entry, [], { execArgv: [], env: {}, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    child.once('error', () => forget(child));
    child.once('exit', () => forget(child));
    return child;
  }

  function forget(child: ChildProcess): void {
    if (kept === child) kept = undefined;
  }

  function end(child: ChildProcess): void {
    // It takes a moment to go; the next job must not meet it.
    forget(child);
    child.kill('SIGKILL');
  }

  /** An idle process is no reason for this one to stay. */
  function rest(child: ChildProcess): void {
    child.unref();
    child.channel?.unref();
    idle = setTimeout(() => end(child), idleMs);
    idle.unref();
  }

  /**
   * Runs one job and returns the number of rows; one at a time. Errors: `storage-unavailable` when the disk is full; the signal's reason after an abort; an
   * `Error` for everything else that ended it.
   */
  async function run(job: CopyJob, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    clearTimeout(idle);
    kept ??= start();
    const child = kept;
    child.ref();
    child.channel?.ref();
    const kill = () => end(child);
    let late = false;
    const deadline = setTimeout(() => {
      late = true;
      kill();
    }, limits.deadlineMs);
    signal.addEventListener('abort', kill);
    const { answer, ended, cause } = await outcomeOf(child, job, () => {
      if (child.pid !== undefined) limits.onStart?.(child.pid);
    });
    clearTimeout(deadline);
    signal.removeEventListener('abort', kill);
    if (kept === child) rest(child);
    if (answer !== undefined && 'rows' in answer) return answer.rows;
    signal.throwIfAborted();
    if (answer?.refused !== undefined) throw diskRefusal(new Error(answer.refused), job.output);
    if (answer !== undefined) throw new Error(`DuckDB: ${answer.failed}`);
    if (late) throw new Error(`The DuckDB process was ended after ${limits.deadlineMs} ms`);
    throw new Error(`The DuckDB process ended (${ended})`, { cause });
  }

  return { run };
}

async function outcomeOf(child: ChildProcess, job: CopyJob, begun: () => void): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let cause: Error | undefined;
  const answered = (answer: CopyAnswer) => resolve({ answer });
  const exited = () => resolve({ ended: child.signalCode ?? child.exitCode ?? 'not started', cause });
  const failed = (err: Error) => {
    cause = err;
    // Without a pid it has never run, and there will be no exit.
    if (child.pid === undefined) exited();
  };
  child.on('message', answered);
  child.on('exit', exited);
  child.on('error', failed);
  child.send(job, (err) => {
    if (err) child.kill('SIGKILL');
  });
  begun();
  const outcome = await promise;
  child.off('message', answered);
  child.off('exit', exited);
  child.off('error', failed);
  return outcome;
}
