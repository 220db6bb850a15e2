import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ModelError, type ModelFault } from '#domain/model-error.ts';
import { beatMs, type FromChild, type ToChild } from './protocol.ts';

/**
 * One life of a child process that does the work of a model: its crash, its memory and its hanging are its own, and never those of the process that
 * answers people. It is niced, ends with its parent, and is the first that the kernel ends when memory runs out.
 *
 * Errors of a call: `ModelError('model-unavailable')` when the child ends before its answer, `model-too-slow` when the time is spent (the call is stopped; a child
 * that does not stop it within `graceMs` is killed), the reason of `signal` when it aborts, and what the child itself reports.
 */
export type WatchedChild<Call, Answer, Progress> = {
  call(data: Call, limits: CallLimits<Progress>): Promise<Answer>;
  /** Of the process, as it said last. */
  memoryBytes(): number;
  pid: number | undefined;
  /** Resolves with why it ended. */
  ended: Promise<Ending>;
  /** Ends it once no call runs any more; new calls are refused. */
  retire(): void;
  kill(): void;
};

export type CallLimits<Progress> = { timeMs: number; signal?: AbortSignal; progress?: (piece: Progress) => void };
export type EndCause = 'killed' | 'crashed' | 'memory' | 'hung' | 'unfit';
export type Ending = { cause: EndCause; detail: string };

export type ChildSettings = {
  /** Calls `serveParent`. */
  entry: URL;
  start: unknown;
  memoryBytes: number;
  /** All of its environment: the secrets of the server are none of its business. */
  env?: Readonly<Record<string, string>>;
  startMs: number;
  /** Without a beat for so long it hangs. */
  silenceMs?: number;
  graceMs?: number;
  /** Called when it says that it takes no more than `memoryBytes`. */
  onBeat?: () => void;
  /** Ends the process, ready or not. */
  signal?: AbortSignal;
};

type Waiting<Answer, Progress> = {
  resolve: (answer: Answer) => void;
  reject: (err: unknown) => void;
  progress: ((piece: Progress) => void) | undefined;
};

/** Starts one and resolves when it is ready. Errors: `ModelError('model-unavailable')`; `unfit` in its cause when another try would end the same way. */
export async function startWatchedChild<Ready, Call, Answer, Progress = never>(
  settings: ChildSettings,
): Promise<{ ready: Ready; child: WatchedChild<Call, Answer, Progress> }> {
  const { silenceMs = 10_000, graceMs = 5_000 } = settings;
  // Its JavaScript is small; the memory that counts is the model's.
  const child = fork(fileURLToPath(settings.entry), [], {
    execArgv: ['--max-old-space-size=512'],
    env: { ...settings.env },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  preferAtOutOfMemory(child);
  const waiting = new Map<number, Waiting<Answer, Progress>>();
  let memoryBytes = 0;
  let nextId = 1;
  let retiring = false;
  let over: Ending | undefined;
  let cause: Ending | undefined;
  let heard = true;
  let silentMs = 0;

  function kill(because: Ending): void {
    cause ??= because;
    child.kill('SIGKILL');
  }
  const say = (message: ToChild): void => {
    // A child that has just died takes nothing more; its end is told by 'exit'.
    if (child.connected) child.send(message, () => {});
  };

  const started = Promise.withResolvers<Ready>();
  const ending = Promise.withResolvers<Ending>();
  const startTimer = setTimeout(
    () => kill({ cause: 'hung', detail: `not ready after ${settings.startMs / 1000} s` }),
    settings.startMs,
  );
  // Own ticks are the clock: a suspended machine counts none, so that nobody is found silent for it.
  const watch = setInterval(() => {
    silentMs = heard ? 0 : silentMs + beatMs;
    heard = false;
    if (silentMs >= silenceMs) kill({ cause: 'hung', detail: `no sign of life for ${silenceMs / 1000} s` });
  }, beatMs);
  watch.unref();
  const onAbort = () => kill({ cause: 'killed', detail: 'it was stopped' });
  settings.signal?.addEventListener('abort', onAbort, { once: true });
  if (settings.signal?.aborted) onAbort();

  function onEnd(detail: string): void {
    if (over) return;
    over = cause ?? { cause: 'crashed', detail };
    clearTimeout(startTimer);
    clearInterval(watch);
    settings.signal?.removeEventListener('abort', onAbort);
    const err = new ModelError('model-unavailable', `The model's process ended: ${over.detail}.`, { cause: over });
    started.reject(err);
    for (const call of waiting.values()) call.reject(err);
    waiting.clear();
    ending.resolve(over);
  }
  child.once('exit', (code, signal) => onEnd(signal === null ? `exit code ${code}` : `signal ${signal}`));
  child.once('error', (err) => onEnd(err.message));

  function take(message: FromChild): void {
    heard = true;
    if (message.type === 'beat') {
      memoryBytes = message.memoryBytes;
      if (memoryBytes > settings.memoryBytes)
        kill({ cause: 'memory', detail: `it took ${megabytes(memoryBytes)} of ${megabytes(settings.memoryBytes)} MB` });
      else settings.onBeat?.();
    } else if (message.type === 'ready') {
      clearTimeout(startTimer);
      started.resolve(message.data as Ready);
    } else if (message.type === 'unfit') {
      kill({ cause: 'unfit', detail: message.message });
    } else {
      const call = waiting.get(message.id);
      if (message.type === 'progress') {
        call?.progress?.(message.data as Progress);
        return;
      }
      waiting.delete(message.id);
      if (message.type === 'answer') call?.resolve(message.data as Answer);
      else call?.reject(failure(message));
      if (retiring && waiting.size === 0) kill({ cause: 'killed', detail: 'another one has taken over' });
    }
  }
  child.on('message', (message) => take(message as FromChild));

  async function call(data: Call, { timeMs, signal, progress }: CallLimits<Progress>): Promise<Answer> {
    signal?.throwIfAborted();
    if (over || retiring) throw new ModelError('model-unavailable', 'The model is being replaced.');
    const id = nextId++;
    const answer = new Promise<Answer>((resolve, reject) => waiting.set(id, { resolve, reject, progress }));
    let why: unknown;
    let graceTimer: NodeJS.Timeout | undefined;
    const stop = (reason: unknown): void => {
      why ??= reason;
      say({ type: 'cancel', id });
      graceTimer ??= setTimeout(
        () => kill({ cause: 'hung', detail: `a call did not stop within ${graceMs / 1000} s` }),
        graceMs,
      );
    };
    const late = () => stop(new ModelError('model-too-slow', `The model gave no answer within ${timeMs / 1000} s.`));
    const timer = setTimeout(late, timeMs);
    const abort = () => stop(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    say({ type: 'call', id, data });
    try {
      return await answer;
    } catch (err) {
      throw why ?? err;
    } finally {
      clearTimeout(timer);
      clearTimeout(graceTimer);
      signal?.removeEventListener('abort', abort);
    }
  }

  say({ type: 'start', data: settings.start });
  const ready = await started.promise;
  return {
    ready,
    child: {
      call,
      memoryBytes: () => memoryBytes,
      pid: child.pid,
      ended: ending.promise,
      retire() {
        retiring = true;
        if (waiting.size === 0) kill({ cause: 'killed', detail: 'another one has taken over' });
      },
      kill: () => kill({ cause: 'killed', detail: 'it was stopped' }),
    },
  };
}

const faults: readonly string[] = ['model-unavailable', 'model-busy', 'model-too-slow', 'prompt-too-long'];

function failure({ fault, message }: { fault: string | undefined; message: string }): Error {
  return fault !== undefined && faults.includes(fault)
    ? new ModelError(fault as ModelFault, message)
    : new Error(message);
}

/** Of all processes this one can be spared most easily: it holds nothing that is not on disk. */
function preferAtOutOfMemory(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    writeFileSync(`/proc/${child.pid}/oom_score_adj`, '900');
  } catch {
    // Not Linux, or no /proc: then the kernel chooses.
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
