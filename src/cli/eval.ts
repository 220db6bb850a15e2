import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { EvaluationRun, EvaluationUseCase } from '#app/insight/evaluation.ts';
import { createUseCases, openAdapters, openLog } from '#compose.ts';
import { AppError, type ErrorCode } from '#domain/errors.ts';
import { evaluationText } from './eval/report.ts';
import { progressBar } from './progress.ts';
import { configOrExit } from './settings.ts';
import { onStopSignal } from './stop-signals.ts';
import { version } from './version.ts';

export type EvalOptions = {
  form: string;
  file?: string;
  reviews?: boolean;
  limit?: string;
  allTiers?: boolean;
  model: boolean;
  json?: boolean;
};

/** Exit code where what was asked for cannot be evaluated; 1 is for a store that cannot be read. */
const badInputExit = 2;
const badInput: readonly ErrorCode[] = ['value-refused', 'form-not-found', 'form-not-published'];

/** Prints how good a form's tiers are. Reads only, beside a running server too. */
export async function evaluate(options: EvalOptions): Promise<void> {
  try {
    await evaluated(options);
  } catch (err) {
    if (err instanceof AppError && badInput.includes(err.code)) process.exitCode = badInputExit;
    throw err;
  }
}

async function evaluated(options: EvalOptions): Promise<void> {
  const { file } = options;
  const limit = limitOf(options.limit);
  if ((file === undefined) === (options.reviews !== true)) throw refused('Name one of --file and --reviews.');
  if (file !== undefined) await refuseUnlessFile(file);
  const { config } = configOrExit();
  const log = await openLog({ logLevel: 'error' });
  const adapters = await openAdapters(config, { log, version, readOnly: true });
  const bar = progressBar('texts', options.json !== true);
  const stop = new AbortController();
  onStopSignal(() => stop.abort(refused('Stopped.')));
  const run: EvaluationRun = {
    limit,
    allTiers: options.allTiers === true,
    useModel: options.model,
    signal: stop.signal,
    progress(done, of) {
      bar.total(of);
      bar.update(done);
    },
  };
  try {
    const evaluation = await asked(createUseCases(adapters, config).evaluation, options, run);
    bar.stop();
    console.log(options.json ? JSON.stringify(evaluation) : evaluationText(evaluation));
  } finally {
    bar.stop();
    await adapters.close();
  }
}

const asked = (evaluation: EvaluationUseCase, { form, file }: EvalOptions, run: EvaluationRun) =>
  file === undefined ? evaluation.onReviews(form, run) : evaluation.onFile(form, linesOf(file), run);

async function* linesOf(file: string): AsyncGenerator<string> {
  yield* createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
}

async function refuseUnlessFile(file: string): Promise<void> {
  const found = await stat(file).catch((err: NodeJS.ErrnoException) => err);
  if (found instanceof Error) throw refused(`${file} cannot be read (${found.code}).`);
  if (found.isDirectory()) throw refused(`${file} is a directory.`);
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw refused('--limit must be a whole number from 1 on.');
  return Number(text);
}

const refused = (detail: string) => new AppError('value-refused', { detail });
