import { missingFields } from '#domain/cascade.ts';
import type { FieldSpec } from '#domain/intelligence.ts';
import type { Tier } from '#domain/response.ts';
import { prepareText } from '#domain/untrusted-text.ts';
import type { TextModel } from '#ports/text-model.ts';
import type { TextReader } from '#ports/text-reader.ts';
import type { ModelCalls } from '../model/calls.ts';
import { askForFields } from '../model/extract.ts';
import { groundFields } from '../model/ground.ts';

/** A tier that finds values in a text, as an evaluation sees it. */
export type FieldTier = {
  tier: Tier;
  /** Whether it is ever asked for such a field. */
  mayFind(field: FieldSpec): boolean;
  /** Values in their normal form. `now`: when the text was written, epoch ms. */
  read(text: string, fields: FieldSpec[], now: number, signal: AbortSignal): Promise<FieldAnswer>;
};

/** An answer, or why there is none. */
export type FieldAnswer = { values: Record<string, string>; dropped: number; ms: number } | { fault: string };

type Reads = { reader: Pick<TextReader, 'read'>; timeZone: string; region: string | undefined };

export function rulesTier({ reader, timeZone, region }: Reads): FieldTier {
  return {
    tier: 'rules',
    mayFind: () => true,
    async read(text, fields, now) {
      const from = performance.now();
      const found = (await reader.read([text], fields, { now, timeZone, region })).fields;
      return { values: valuesOf(found), dropped: 0, ms: performance.now() - from };
    },
  };
}

export function modelTier(
  deps: Reads & { calls: ModelCalls; textModel: Pick<TextModel, 'write'>; budgetMs: number },
): FieldTier {
  return {
    tier: 'llm',
    mayFind: (field) => missingFields({ extract: { fields: [field] } }, {}, new Set()).length > 0,
    async read(text, fields, now, signal) {
      const limits = { timeMs: deps.budgetMs, signal, progress: () => {} };
      const asked = await askForFields(deps, fields, prepareText(text).text, limits);
      if ('fault' in asked) return { fault: asked.fault };
      if (asked.value === null) return { fault: 'cut-off' };
      const { added, dropped } = await groundFields(deps, fields, asked.value, [{ question: '', text }], now);
      return { values: valuesOf(added), dropped: dropped.length, ms: asked.ms };
    },
  };
}

const valuesOf = (fields: Record<string, { value: string }>): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value]));
