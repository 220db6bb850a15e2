import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createTextLlama } from '#adapters/text-llama/text-llama.ts';
import type { ChatTemplate } from '#domain/model.ts';
import type { Log } from '#ports/log.ts';
import type { InstalledModel } from '#ports/model-store.ts';

const silent = { child: () => silent, debug() {}, info() {}, warn() {}, error() {} } as unknown as Log;

/** A model file as if it had been installed. */
export function modelOf(file: string, template: ChatTemplate): InstalledModel {
  const bytes = statSync(file).size;
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  return {
    entry: {
      name: basename(file, '.gguf'),
      version: '1',
      purpose: 'text',
      licence: 'unknown',
      about: '',
      parameters: 0,
      files: [{ role: 'model', name: basename(file), bytes, sha256, source: { kind: 'file' } }],
      template,
      requires: { memoryBytes: 0, cores: 1 },
    },
    files: { model: file },
    bytes,
    installedAt: 0,
  };
}

/** The language model as the server runs it: its own process, measured at its start. */
export async function withTextModel<T>(
  model: InstalledModel,
  work: (textModel: ReturnType<typeof createTextLlama>) => Promise<T>,
): Promise<T> {
  const textModel = createTextLlama({
    active: async () => model,
    memoryBytes: 4 * 2 ** 30,
    threads: 0,
    tuningFile: join(tmpdir(), `formstead-bench-tuning-${process.pid}.json`),
    clock: { now: () => Date.now() },
    log: silent,
  });
  try {
    await textModel.warm();
    return await work(textModel);
  } finally {
    await textModel.close();
  }
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Runs `work` on each item, so many at once. */
export async function sideBySide<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, i: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const i = next++;
      results[i] = await work(items[i]!, i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
