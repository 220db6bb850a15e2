import { agreement, type Count, type Figures, figuresOf, type Reading, readAll, sampleOf } from '#app/model/compare.ts';
import { openAdapters, openComparison, openLog } from '#compose.ts';
import type { Config } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import type { KeptResponse } from '#domain/response.ts';
import { formIdOf } from '../exports/export-file.ts';
import { progressBar } from '../progress.ts';
import { configOrExit } from '../settings.ts';
import { onStopSignal } from '../stop-signals.ts';
import { tableText } from '../table.ts';
import { version } from '../version.ts';

export type CompareOptions = { form: string; limit: string };
type Adapters = Awaited<ReturnType<typeof openAdapters>>;
type Seen = { readings: Reading[]; memoryBytes: number };

/** Has two language models read the same responses, one model after the other. Nothing is written. */
export async function compareModels(one: string, other: string, { form, limit }: CompareOptions): Promise<void> {
  const most = Number(limit);
  if (!Number.isInteger(most) || most < 1 || most > 10_000)
    throw new AppError('value-refused', { detail: '--limit is a whole number from 1 to 10000.' });
  const { config } = configOrExit();
  const adapters = await openAdapters(config, { log: await openLog({ logLevel: 'error' }), version, readOnly: true });
  const stop = new AbortController();
  onStopSignal(() => stop.abort(new AppError('value-refused', { detail: 'stopped' })));
  try {
    const responses = await sampleOf(adapters.storage, await formIdOf(adapters, form), most);
    if (responses.length === 0) throw new AppError('value-refused', { detail: `No response to ${form} is kept.` });
    const seen = [];
    for (const reference of [one, other]) seen.push(await readBy(adapters, config, reference, responses, stop.signal));
    console.log(report([one, other], seen as [Seen, Seen], responses));
  } finally {
    await adapters.close();
  }
}

async function readBy(
  adapters: Adapters,
  config: Config,
  reference: string,
  responses: KeptResponse[],
  signal: AbortSignal,
): Promise<Seen> {
  const reader = await openComparison(adapters, config, reference);
  const bar = progressBar(`read by ${reference}`);
  bar.total(responses.length);
  try {
    const readings = await readAll(reader, responses, { signal, progress: (done) => bar.update(done) });
    return { readings, memoryBytes: reader.textModel.state().memoryBytes };
  } finally {
    bar.stop();
    await reader.close();
  }
}

function report(names: [string, string], [one, other]: [Seen, Seen], responses: KeptResponse[]): string {
  const reviews = responses.map(({ review }) => review);
  const figures = [one, other].map(({ readings }) => figuresOf(readings, reviews));
  const row = (what: string, tell: (of: Figures, i: number) => string) => [what, ...figures.map(tell)];
  const both = agreement(one.readings, other.readings);
  const rows = [
    ['', ...names],
    row('labels as people reviewed them, model alone', ({ labels }) => told(labels)),
    row('… of those that would stand, all tiers', ({ standing }) => told(standing)),
    row('fields as people reviewed them, all tiers', ({ fields }) => told(fields)),
    row('fields that the model added', ({ fieldsByModel }) => String(fieldsByModel)),
    row('drafts that were kept', ({ drafts }) => `${drafts} of ${responses.length}`),
    row('seconds a response, p50', ({ p50 }) => p50.toFixed(2)),
    row('seconds a response, p95', ({ p95 }) => p95.toFixed(2)),
    row('memory, MB', (_, i) => String(Math.ceil([one, other][i]!.memoryBytes / 1e6))),
  ];
  return [
    `${responses.length} responses, ${reviews.filter(Boolean).length} of them reviewed. Nothing was written.`,
    tableText(rows, [1, 2]),
    `Both say the same: labels ${told(both.labels)}, fields ${told(both.fields)}.`,
  ].join('\n');
}

const told = ({ right, of }: Count): string =>
  of === 0 ? 'none' : `${right} of ${of} (${Math.round((100 * right) / of)} %)`;
