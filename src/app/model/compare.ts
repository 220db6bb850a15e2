import { AppError } from '#domain/errors.ts';
import { best } from '#domain/model-fit.ts';
import type { KeptResponse, Review } from '#domain/response.ts';
import { prepareText } from '#domain/untrusted-text.ts';
import type { Storage } from '#ports/storage.ts';
import type { TextModel } from '#ports/text-model.ts';
import type { FormCatalog } from '../form-catalog.ts';
import { textsOf } from '../search/text-of.ts';
import type { UnderstandingUseCase } from '../understanding.ts';
import type { ModelCalls } from './calls.ts';
import { askForLabel, optionsFor } from './classify.ts';
import type { ModelParts } from './parts.ts';
import type { Rehearsal } from './rehearsal.ts';

/** The use cases of one model on a store that keeps nothing. */
export type ModelReader = {
  rehearsal: Rehearsal;
  catalog: FormCatalog;
  understanding: UnderstandingUseCase;
  modelParts: ModelParts;
  calls: ModelCalls;
  textModel: TextModel;
};

/** What a model made of one response. `label`: of the model alone, whatever the head says; undefined where the form has no labels, or the model gave none. */
export type Reading = {
  label: string | null | undefined;
  /** Of all tiers together; undefined where a person would be asked. */
  stands: string | null | undefined;
  fields: Record<string, string>;
  /** Of these by the model. */
  byModel: number;
  drafted: boolean;
  /** Of the model's work. */
  ms: number;
};

export type Run = { signal: AbortSignal; progress: (done: number) => void };

/** The newest responses of a form, those first that a person has reviewed; looks through so many at most. */
export async function sampleOf(
  storage: Pick<Storage, 'list'>,
  formId: string,
  limit: number,
  lookThrough = 10_000,
): Promise<KeptResponse[]> {
  const reviewed: KeptResponse[] = [];
  const others: KeptResponse[] = [];
  let after: string | undefined;
  for (let seen = 0; seen < lookThrough && reviewed.length < limit; ) {
    const page = await storage.list('response', { where: { formId }, newestFirst: true, after, limit: 500 });
    for (const { doc } of page.items) {
      if (doc.review) reviewed.push(doc);
      else if (others.length < limit) others.push(doc);
    }
    seen += page.items.length;
    after = page.next;
    if (after === undefined) break;
  }
  return [...reviewed, ...others].slice(0, limit);
}

/** One after another, as the server would understand them now. Errors: the signal's reason; `value-refused` when the model does not start. */
export async function readAll(
  reader: ModelReader,
  responses: readonly KeptResponse[],
  { signal, progress }: Run,
): Promise<Reading[]> {
  await reader.textModel.warm().catch((err: Error) => {
    throw new AppError('value-refused', { detail: err.message });
  });
  const readings: Reading[] = [];
  for (const response of responses) {
    readings.push(await readOne(reader, response, signal));
    progress(readings.length);
  }
  return readings;
}

async function readOne(reader: ModelReader, response: KeptResponse, signal: AbortSignal): Promise<Reading> {
  const { rehearsal, understanding, modelParts } = reader;
  const { id } = response;
  const run = { signal, progress: () => {} };
  rehearsal.enter(response);
  await understanding.understand({ taskId: 'compare', lease: '' }, id, run.progress);
  for (const part of rehearsal.now(id).open?.parts ?? []) {
    signal.throwIfAborted();
    await modelParts.run({ taskId: `compare.${part}`, lease: '' }, id, part, run);
  }
  const { classify, extract, respond, modelMs = 0 } = rehearsal.now(id).understanding ?? {};
  const alone = await labelAlone(reader, response, signal);
  const fields = Object.entries(extract?.fields ?? {});
  return {
    label: alone.label,
    stands: classify && !classify.needsReview ? classify.label : undefined,
    fields: Object.fromEntries(fields.map(([name, { value }]) => [name, value])),
    byModel: fields.filter(([, { tier }]) => tier === 'llm').length,
    drafted: respond?.tier === 'llm',
    // The cascade asks only where the head is unsure; so that models can be compared, every label counts.
    ms: modelMs + alone.ms,
  };
}

/** What is in the reader's cache from the cascade is not asked twice. */
async function labelAlone(reader: ModelReader, response: KeptResponse, signal: AbortSignal) {
  const form = await reader.catalog.form(response.formId);
  const { version } = await reader.catalog.version(form, response.formVersion);
  const spec = version.intelligence;
  const texts = textsOf(response, spec?.text ?? version.compiled.texts);
  if (!spec?.classify || texts.length === 0) return { label: undefined, ms: 0 };
  const options = optionsFor(spec.classify, reader.rehearsal.now(response.id).understanding?.classify);
  const { text } = prepareText(texts.map((one) => one.text).join('\n\n'));
  const asked = await askForLabel(reader, spec.classify, options, text, { timeMs: 300_000, signal });
  return { label: 'fault' in asked ? undefined : options[best(asked.value)]!.label, ms: asked.ms };
}

/** Shares as counts, since a share of three means nothing. */
export type Count = { right: number; of: number };

export type Figures = {
  /** Against the people's reviews. */
  labels: Count;
  standing: Count;
  fields: Count;
  fieldsByModel: number;
  drafts: number;
  /** Seconds a response. */
  p50: number;
  p95: number;
};

export function figuresOf(readings: readonly Reading[], reviews: readonly (Review | undefined)[]): Figures {
  const labelled = readings.flatMap((reading, i) => (reviews[i]?.label === undefined ? [] : [{ reading, i }]));
  const fields = readings.flatMap(({ fields }, i) =>
    Object.entries(reviews[i]?.fields ?? {}).map(([name, value]) => fields[name] === value),
  );
  const seconds = readings.map(({ ms }) => ms / 1000).toSorted((a, b) => a - b);
  const at = (share: number) => seconds[Math.min(seconds.length - 1, Math.floor(share * seconds.length))] ?? 0;
  const decided = labelled.filter(({ reading }) => reading.stands !== undefined);
  const count = (some: typeof labelled, by: 'label' | 'stands'): Count => ({
    right: some.filter(({ reading, i }) => reading[by] === reviews[i]!.label).length,
    of: some.length,
  });
  return {
    labels: count(labelled, 'label'),
    standing: count(decided, 'stands'),
    fields: { right: fields.filter(Boolean).length, of: fields.length },
    fieldsByModel: readings.reduce((sum, { byModel }) => sum + byModel, 0),
    drafts: readings.filter(({ drafted }) => drafted).length,
    p50: at(0.5),
    p95: at(0.95),
  };
}

/** How often two models say the same: labels of both alone, and values of fields that at least one of them has. */
export function agreement(one: readonly Reading[], other: readonly Reading[]): { labels: Count; fields: Count } {
  const pairs = one.map((reading, i) => [reading, other[i]!] as const);
  const labelled = pairs.filter(([a, b]) => a.label !== undefined && b.label !== undefined);
  const fields = pairs.flatMap(([a, b]) =>
    [...new Set([...Object.keys(a.fields), ...Object.keys(b.fields)])].map((name) => a.fields[name] === b.fields[name]),
  );
  return {
    labels: { right: labelled.filter(([a, b]) => a.label === b.label).length, of: labelled.length },
    fields: { right: fields.filter(Boolean).length, of: fields.length },
  };
}
