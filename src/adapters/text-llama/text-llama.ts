import { availableParallelism } from 'node:os';
import { createReplacedChild } from '#adapters/child-process/replaced-child.ts';
import { startWatchedChild } from '#adapters/child-process/watched-child.ts';
import { ModelError } from '#domain/model-error.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import type { Budget, Prompt, TextModel, TextModelInfo, TextModelState, Usage } from '#ports/text-model.ts';
import { createGate, type Gate } from './gate.ts';
import type { AnswerData, CallData, CallUsage, ProgressData, ReadyData, StartData, Tuning } from './protocol.ts';
import { createTuningFile, machineName } from './tuning-file.ts';

type Deps = {
  /** The model in use, `ModelStore.active('text')`. */
  active: () => Promise<InstalledModel | undefined>;
  memoryBytes: number;
  /** 0: as measured. */
  threads: number;
  /** Where measurements are kept. */
  tuningFile: string;
  clock: Clock;
  log: Log;
  /** Processors that this process may use. */
  cores?: number;
};

const entry = new URL('./llama-child.ts', import.meta.url);
/** What one call may take of a context: a response is capped at about 1,200 tokens, its prompt at 600, its answer at 256. */
const contextTokens = 2048;
// Loading 4 GB from a slow disk and measuring.
const startMs = 300_000;
/** A worker has 8 tasks under way by default, and a measurement asks 8 questions at once; more than these is a fault of whoever asks. */
const mostWaiting = 64;

/**
 * Language model (GGUF) by llama.cpp in a child process of its own. It is started at the first call or by `warm`, measures how it runs best on this
 * machine (once; kept in `tuningFile`), and reads what calls have in common once.
 */
export function createTextLlama(deps: Deps): TextModel {
  const cores = deps.cores ?? availableParallelism();
  const mostThreads = deps.threads > 0 ? Math.min(deps.threads, cores) : Math.max(1, cores - 1);
  const tunings = createTuningFile(deps.tuningFile);
  const machine = machineName(cores);
  let models: { current: InstalledModel | undefined; problem: string | undefined } = {
    current: undefined,
    problem: undefined,
  };
  const gate = createGate({ mostWaiting });
  let rates: Pick<Tuning, 'readRate' | 'writeRate'> | undefined;

  const child = createReplacedChild<ReadyData, CallData, AnswerData, ProgressData>({
    start: (key, signal) => start(key, signal),
    onEnd: (ending) => deps.log.warn({ cause: ending.cause, detail: ending.detail }, 'language model process ended'),
  });

  async function start(key: string, signal: AbortSignal) {
    const model = models.current!;
    const tuningKey = `${key}/${machine}`;
    const known = deps.threads > 0 ? undefined : await tunings.find(tuningKey);
    const data: StartData = {
      file: model.files.model!,
      template: model.entry.template ?? 'plain',
      contextTokens: Math.min(contextTokens, model.entry.contextTokens ?? contextTokens),
      memoryBytes: deps.memoryBytes,
      tuning: known,
      mostThreads,
    };
    const settings = { entry, start: data, memoryBytes: deps.memoryBytes, startMs, signal };
    const life = await startWatchedChild<ReadyData, CallData, AnswerData, ProgressData>(settings);
    const { tuning, measured, loadMs } = life.ready;
    rates = tuning;
    gate.open(tuning.places);
    if (measured && deps.threads === 0) await tunings.keep(tuningKey, tuning, new Date(deps.clock.now()).toISOString());
    deps.log.info({ model: model.entry.name, loadMs, ...tuning }, 'language model ready');
    return life;
  }

  /** Errors: `model-unavailable`. */
  async function activeModel(): Promise<InstalledModel> {
    const found = await find();
    if (!found) throw new ModelError('model-unavailable', models.problem ?? 'No language model is in use.');
    return found;
  }

  async function find(): Promise<InstalledModel | undefined> {
    try {
      models = { current: await deps.active(), problem: undefined };
    } catch (err) {
      models = { current: undefined, problem: err instanceof Error ? err.message : String(err) };
    }
    return models.current;
  }

  async function run<K extends CallData['kind']>(
    call: CallData & { kind: K },
    { timeMs, waitMs = timeMs, signal, progress }: Budget,
    most: number,
  ): Promise<{ answer: AnswerData & { kind: K }; model: TextModelInfo; usage: Usage }> {
    const from = performance.now();
    const model = await activeModel();
    await gate.enter(waitMs, signal);
    const queueMs = performance.now() - from;
    const warm = child.ready() !== undefined;
    let told: Parameters<Gate['leave']>[0];
    try {
      const answer = await child.call(keyOf(model), call, {
        timeMs,
        ...(signal && { signal }),
        ...(progress && { progress: ({ tokens }: ProgressData) => progress(tokens, most) }),
      });
      const usage = usageOf(answer.usage, queueMs, performance.now() - from);
      if (warm) told = { tookMs: usage.totalMs - queueMs, aloneMs: aloneMs(usage) };
      return { answer: answer as AnswerData & { kind: K }, model: infoOf(model), usage };
    } finally {
      gate.leave(told);
    }
  }

  function aloneMs({ promptTokens, reusedTokens, answerTokens }: Usage): number {
    if (!rates) return 0;
    return ((promptTokens - reusedTokens) / rates.readRate + answerTokens / rates.writeRate) * 1000;
  }

  return {
    async model() {
      const found = await find();
      if (!found && models.problem !== undefined) throw new ModelError('model-unavailable', models.problem);
      return found && infoOf(found);
    },
    async score({ options, ...prompt }, budget) {
      if (options.length < 2 || options.length > 26) throw new Error(`2 to 26 options, not ${options.length}`);
      const { answer, model, usage } = await run({ kind: 'score', options, ...plain(prompt) }, budget, 1);
      return { model, probabilities: answer.probabilities, usage };
    },
    async write({ schema, maxTokens, temperature = 0, seed = 1, ...prompt }, budget) {
      const call = {
        kind: 'write' as const,
        maxTokens,
        temperature,
        seed,
        ...(schema && { schema }),
        ...plain(prompt),
      };
      const { answer, model, usage } = await run(call, budget, maxTokens);
      return { model, text: answer.text, ended: answer.ended, usage };
    },
    async warm() {
      await child.get(keyOf(await activeModel()));
    },
    state: (): TextModelState => {
      const ready = child.ready();
      const calls = gate.state();
      const problem = child.problem() ?? models.problem;
      const status = ready
        ? 'ready'
        : child.starting()
          ? 'starting'
          : problem
            ? 'failed'
            : models.current
              ? 'stopped'
              : 'none';
      return {
        status,
        model: models.current && infoOf(models.current),
        memoryBytes: ready?.child.memoryBytes() ?? 0,
        running: calls.running,
        waiting: calls.waiting,
        places: calls.limit,
        threads: ready?.ready.tuning.threads ?? 0,
        ...(ready && { rates: ratesOf(ready.ready.tuning) }),
        restarts: child.restarts(),
        ...(problem !== undefined && !ready && { problem }),
      };
    },
    async close() {
      await child.close();
    },
  };
}

const keyOf = (model: InstalledModel): string => infoOf(model).sha256;

function infoOf({ entry: { name, files } }: InstalledModel): TextModelInfo {
  return { name, sha256: files.find(({ role }) => role === 'model')!.sha256 };
}

const ratesOf = ({ readRate, writeRate, writeRateTogether }: Tuning): NonNullable<TextModelState['rates']> => ({
  read: readRate,
  write: writeRate,
  writeTogether: writeRateTogether,
});

const plain = ({ instructions, data, lead }: Prompt): Prompt => ({
  instructions,
  data,
  ...(lead !== undefined && { lead }),
});

function usageOf(usage: CallUsage, queueMs: number, totalMs: number): Usage {
  return { ...usage, queueMs, firstTokenMs: queueMs + usage.firstTokenMs, totalMs };
}
