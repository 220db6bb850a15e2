import { ModelError } from '#domain/model-error.ts';
import type { CallLimits, EndCause, Ending, WatchedChild } from './watched-child.ts';

type Life<Ready, Call, Answer, Progress> = { ready: Ready; child: WatchedChild<Call, Answer, Progress> };

/**
 * A watched child that there is always one of: started at the first call, started again after its end with growing pauses (1 s … 60 s, while which calls are
 * refused at once), replaced without a failed call when `key` changes (another model), ended after `idleMs` without a call.
 */
export function createReplacedChild<Ready, Call, Answer, Progress = never>(deps: {
  start: (key: string, signal: AbortSignal) => Promise<Life<Ready, Call, Answer, Progress>>;
  idleMs?: number;
  onEnd?: (ending: Ending) => void;
  now?: () => number;
}) {
  const now = deps.now ?? (() => performance.now());
  type Current = { key: string; startedAt: number; life: Promise<Life<Ready, Call, Answer, Progress>> };
  let current: Current | undefined;
  let ready: (Life<Ready, Call, Answer, Progress> & { key: string }) | undefined;
  let failures = 0;
  let notBefore = 0;
  let problem: { key: string; detail: string; final: boolean } | undefined;
  const closing = new AbortController();
  let idle: NodeJS.Timeout | undefined;
  let calls = 0;
  const restarts: Partial<Record<EndCause, number>> = {};

  function begin(key: string): Current {
    const begun: Current = { key, startedAt: now(), life: deps.start(key, closing.signal) };
    begun.life.then(
      (life) => {
        problem = undefined;
        if (closing.signal.aborted || current !== begun) return life.child.retire();
        ready = { ...life, key };
        void life.child.ended.then((ending) => onEnd(begun, ending));
      },
      (err: unknown) => onEnd(begun, endingOf(err)),
    );
    return begun;
  }

  function onEnd(begun: Current, ending: Ending): void {
    const wasCurrent = current === begun;
    if (ready && current === begun) ready = undefined;
    if (wasCurrent) current = undefined;
    if (ending.cause === 'killed') return;
    restarts[ending.cause] = (restarts[ending.cause] ?? 0) + 1;
    // One that lived for a minute starts afresh.
    failures = now() - begun.startedAt > 60_000 ? 1 : failures + 1;
    notBefore = now() + Math.min(60_000, 1000 * 2 ** (failures - 1));
    problem = { key: begun.key, detail: ending.detail, final: ending.cause === 'unfit' };
    deps.onEnd?.(ending);
  }

  /** The child for this key, ready. Errors: `ModelError('model-unavailable')`. */
  async function get(key: string): Promise<Life<Ready, Call, Answer, Progress>> {
    if (closing.signal.aborted) throw new ModelError('model-unavailable', 'The model is closed.');
    if (current && current.key !== key) {
      const old = current;
      current = ready = undefined;
      failures = notBefore = 0;
      old.life.then(({ child }) => child.retire()).catch(() => {});
    }
    if (!current) {
      if (problem?.key === key && problem.final && now() < notBefore + 300_000)
        throw new ModelError('model-unavailable', problem.detail);
      if (problem?.key === key && now() < notBefore)
        throw new ModelError(
          'model-unavailable',
          `The model's process is started again soon; it ended: ${problem?.detail}.`,
        );
      current = begin(key);
    }
    return current.life;
  }

  async function call(key: string, data: Call, limits: CallLimits<Progress>): Promise<Answer> {
    calls += 1;
    clearTimeout(idle);
    const from = now();
    try {
      const { child } = await within(get(key), limits);
      return await child.call(data, { ...limits, timeMs: Math.max(1, limits.timeMs - (now() - from)) });
    } finally {
      calls -= 1;
      if (calls === 0 && deps.idleMs !== undefined) {
        idle = setTimeout(stop, deps.idleMs);
        idle.unref();
      }
    }
  }

  function stop(): void {
    const old = current;
    current = ready = undefined;
    old?.life.then(({ child }) => child.retire()).catch(() => {});
  }

  return {
    get,
    call,
    /** The child that is ready now, started by nobody for this question. */
    ready: () => ready,
    starting: () => current !== undefined && ready === undefined,
    problem: () => problem?.detail,
    restarts: () => ({ ...restarts }),
    async close(): Promise<void> {
      clearTimeout(idle);
      const old = current;
      current = ready = undefined;
      closing.abort();
      const life = await old?.life.catch(() => undefined);
      life?.child.kill();
      await life?.child.ended;
    },
  };
}

/** Waiting for a start counts against the call's own time. */
async function within<T>(
  work: Promise<T>,
  { timeMs, signal }: CallLimits<never> | { timeMs: number; signal?: AbortSignal },
): Promise<T> {
  const spent = Promise.withResolvers<never>();
  const late = () =>
    spent.reject(new ModelError('model-too-slow', `The model was not ready within ${timeMs / 1000} s.`));
  const timer = setTimeout(late, timeMs);
  const abort = () => spent.reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    return await Promise.race([work, spent.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

function endingOf(err: unknown): Ending {
  const cause = err instanceof ModelError ? (err.cause as Ending | undefined) : undefined;
  return cause ?? { cause: 'crashed', detail: err instanceof Error ? err.message : String(err) };
}
