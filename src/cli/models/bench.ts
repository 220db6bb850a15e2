import { availableParallelism, cpus } from 'node:os';
import { type Benchmark, benchmark, type Spread } from '#app/model/benchmark.ts';
import { openLanguageModel, openLog } from '#compose.ts';
import { AppError } from '#domain/errors.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import { ModelError } from '#domain/model-error.ts';
import type { TextModelState } from '#ports/text-model.ts';
import { readExamples } from '../demo/examples.ts';
import { progressBar } from '../progress.ts';
import { configOrExit } from '../settings.ts';
import { onStopSignal } from '../stop-signals.ts';
import { tableText } from '../table.ts';

export type BenchOptions = { again?: boolean; prompts: string };

/** What an answer may take: longer, and somebody who waits for it goes away. Seconds. */
const most = 10;

/** Measures a language model on this machine as the server would run it, by the example form for support and its responses. */
export async function benchModel(reference: string | undefined, { again, prompts }: BenchOptions): Promise<void> {
  const { form, responses } = readExamples().find(({ name }) => name === 'support-request')!;
  const wanted = Number(prompts);
  if (!Number.isInteger(wanted) || wanted < 2 || 2 * wanted > responses.length)
    throw new AppError('value-refused', {
      detail: `--prompts is a whole number from 2 to ${Math.floor(responses.length / 2)}.`,
    });
  const texts = responses.slice(0, 2 * wanted).map(({ answers }) => String(answers.message));
  const { config } = configOrExit();
  const textModel = await openLanguageModel(config, reference, { log: await openLog({ logLevel: 'error' }), again });
  const stop = new AbortController();
  onStopSignal(() => stop.abort(new AppError('value-refused', { detail: 'stopped' })));
  const bar = progressBar('texts read');
  try {
    const from = performance.now();
    await textModel.warm();
    const startSeconds = (performance.now() - from) / 1000;
    bar.total(texts.length);
    const spec = form.intelligence as Parameters<typeof benchmark>[1] & IntelligenceSpec;
    const result = await benchmark(textModel, spec, texts, { signal: stop.signal, progress: (n) => bar.update(n) });
    bar.stop();
    console.log(report(textModel.state(), result, { startSeconds, wanted }));
  } catch (err) {
    throw err instanceof ModelError ? new AppError('value-refused', { detail: err.message }) : err;
  } finally {
    bar.stop();
    await textModel.close();
  }
}

function report(
  { model, threads, places, memoryBytes, rates }: TextModelState,
  { parts, response, perMinute }: Benchmark,
  { startSeconds, wanted }: { startSeconds: number; wanted: number },
): string {
  const rate = (value: number | undefined) => (value === undefined ? '-' : String(Math.round(value)));
  const both = ({ p50, p95 }: Spread) => [p50.toFixed(2), p95.toFixed(2)];
  const rows = [
    ['seconds', 'first token p50', 'p95', 'alone p50', 'p95', `${places} together p50`, 'p95'],
    ['a label', ...both(parts.classify.firstToken), ...both(parts.classify.alone), ...both(parts.classify.together)],
    ['fields', ...both(parts.extract.firstToken), ...both(parts.extract.alone), ...both(parts.extract.together)],
    ['a draft', ...both(parts.respond.firstToken), ...both(parts.respond.alone), ...both(parts.respond.together)],
    ['all three', '', '', ...both(response.alone), ...both(response.together)],
  ];
  const slowest = Math.max(...Object.values(parts).map(({ together }) => together.p95));
  const verdict =
    slowest < most
      ? `Every answer stays below ${most} s, all places busy (slowest p95: ${slowest.toFixed(1)} s).`
      : `An answer takes longer than ${most} s when all places are busy (p95 ${slowest.toFixed(1)} s): use a smaller model, or more cores.`;
  return [
    `${model!.name} on ${cpus()[0]?.model.trim() ?? 'an unknown processor'} x ${availableParallelism()}`,
    `  threads ${threads}, places ${places}, ready after ${startSeconds.toFixed(1)} s, ${Math.ceil(memoryBytes / 1e6)} MB of memory`,
    `  tokens a second: reads ${rate(rates?.read)}, writes ${rate(rates?.write)} alone and ${rate(rates?.writeTogether)} with all places`,
    '',
    tableText(rows, [1, 2, 3, 4, 5, 6]).replaceAll(/^/gm, '  '),
    '',
    `${wanted} messages alone and ${wanted} together, ${perMinute.toFixed(0)} responses a minute. ${verdict}`,
  ].join('\n');
}
