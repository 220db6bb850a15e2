import { type ChildProcess, spawn } from 'node:child_process';
import { parseNamed, schemaOf, tokensForFields } from '#app/model/extract.ts';
import type { FieldSpec } from '#domain/intelligence.ts';
import { extractText } from '#domain/prompt/extract.ts';
import { prepareText } from '#domain/untrusted-text.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import { quantile, sideBySide, withTextModel } from './model.ts';

export type AnswersReport = {
  asked: number;
  /** Answers that parsed and have the shape of their schema; those that were cut before their end count as failed here. */
  passed: number;
  cut: number;
  /** Milliseconds from the place among those that run side by side to the end of the answer. */
  p50: number;
  p95: number;
  /** The same, with the wait for the place behind other responses. */
  p95Waited: number;
  /** Calls side by side at the end. */
  places: number;
  /** Responses a second. */
  rate: number;
};

/** Responses under way: what FORMSTEAD_CONCURRENCY_BATCHED is by default. */
const atOnce = 8;

const fields: FieldSpec[] = [
  { name: 'first_name', type: 'person' },
  { name: 'last_name', type: 'person' },
  { name: 'date', type: 'date' },
  { name: 'time', type: 'time' },
  { name: 'people', type: 'number', description: 'how many guests' },
];

/** Every answer is held to its schema and checked by our own reading. `busy`: another program uses up a core meanwhile. */
export async function measureAnswers(
  model: InstalledModel,
  texts: readonly string[],
  { busy }: { busy: boolean },
): Promise<AnswersReport> {
  const other = busy ? spin() : undefined;
  try {
    return await withTextModel(model, async (textModel) => {
      const from = performance.now();
      const answers = await sideBySide(texts, atOnce, async (text) => {
        const message = prepareText(text).text;
        const [prompt, schema] = [extractText(fields, message), schemaOf(fields, message)];
        return textModel.write(
          { ...prompt, schema, maxTokens: tokensForFields(fields.length), seed: 1 },
          { timeMs: 120_000 },
        );
      });
      const spent = (performance.now() - from) / 1000;
      const times = answers.map(({ usage }) => usage.totalMs - usage.queueMs);
      return {
        asked: answers.length,
        passed: answers.filter(({ text, ended }) => ended === 'stop' && parseNamed(text, fields) !== undefined).length,
        cut: answers.filter(({ ended }) => ended === 'length').length,
        p50: quantile(times, 0.5),
        p95: quantile(times, 0.95),
        p95Waited: quantile(
          answers.map(({ usage }) => usage.totalMs),
          0.95,
        ),
        places: textModel.state().places,
        rate: answers.length / spent,
      };
    });
  } finally {
    other?.kill('SIGKILL');
  }
}

function spin(): ChildProcess {
  return spawn(process.execPath, ['-e', 'setTimeout(() => process.exit(), 600_000); for (;;);'], { stdio: 'ignore' });
}
