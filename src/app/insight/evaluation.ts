import { AppError } from '#domain/errors.ts';
import { type FieldCase, type FieldScore, fieldScores } from '#domain/evaluation.ts';
import type { FormVersion } from '#domain/form/form.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import type { FormHead } from '#domain/learning.ts';
import { best, fitId, type ModelFit } from '#domain/model-fit.ts';
import { type Quantiles, quantilesOf } from '#domain/quantiles.ts';
import type { Part } from '#domain/response.ts';
import { prepareText } from '#domain/untrusted-text.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';
import type { Classification, TextClassifier } from '#ports/text-classifier.ts';
import type { TextModel, TextModelInfo } from '#ports/text-model.ts';
import type { TextReader } from '#ports/text-reader.ts';
import type { FormCatalog } from '../form-catalog.ts';
import { trainedBytes } from '../learning/trained-file.ts';
import type { ModelCalls } from '../model/calls.ts';
import { askForLabel, jointVerdict, optionsFor } from '../model/classify.ts';
import { comparable, type EvaluationItem, readEvaluationSet } from './evaluation-set.ts';
import { type FieldTier, modelTier, rulesTier } from './field-tiers.ts';
import { judgedReviews } from './reviewed.ts';
import { createVerdicts, headBesideModel, type Verdicts, type WhoseScore } from './verdicts.ts';

type Deps = {
  storage: Pick<Storage, 'get' | 'list'>;
  catalog: Pick<FormCatalog, 'form' | 'version'>;
  classifier: Pick<TextClassifier, 'classify'>;
  blobs: Pick<BlobStore, 'read'>;
  reader: Pick<TextReader, 'read'>;
  textModel: Pick<TextModel, 'model' | 'warm' | 'score' | 'write'>;
  calls: ModelCalls;
  clock: Clock;
  timeZone: string;
  region: string | undefined;
  /** Time of the model for one question. */
  budgetMs: number;
};

export type Latency = { part: Part; tier: string; answers: number } & Quantiles;

export type Evaluation = {
  form: { id: string; slug: string; version: number };
  source: 'file' | 'reviews';
  texts: number;
  /** Reviews that were left out: the machine read the response again after it, and may have learnt from it. */
  leftOut: number;
  head: { sha256: string; examples: number; threshold: number } | undefined;
  model: TextModelInfo | undefined;
  verdicts: WhoseScore[];
  /** `all`: by whichever tier came first. */
  fields: FieldScore[];
  droppedValues: number;
  latency: Latency[];
  /** Questions that the language model did not answer, by `<part>:<why>`. */
  unanswered: Record<string, number>;
};

export type EvaluationRun = {
  limit: number;
  /** Ask every tier about every text, not only about what the tiers before it leave open. */
  allTiers: boolean;
  useModel: boolean;
  signal: AbortSignal;
  progress: (done: number, of: number) => void;
};

type Ready = {
  form: Evaluation['form'];
  spec: IntelligenceSpec;
  head: FormHead | undefined;
  model: TextModelInfo | undefined;
  fit: ModelFit | undefined;
  tiers: FieldTier[];
};

/** What an evaluation gathers on its way. */
type Notes = {
  verdicts: Verdicts;
  cases: FieldCase[];
  dropped: number;
  took: (part: Part, tier: string, ms: number | undefined) => void;
  unanswered: (part: Part, why: string) => void;
};

/** How good a form's tiers are, against what people say is right. Nothing is kept. */
export function createEvaluation(deps: Deps) {
  /**
   * Asks the tiers about the texts of a file, as the server would. Errors: `form-not-found`, `form-not-published`, `value-refused` for a file that cannot be used
   * and a form for which there is nothing to ask, `gone` when the file of its head is missing or damaged, the reason of `signal`.
   */
  async function onFile(name: string, lines: AsyncIterable<string>, run: EvaluationRun): Promise<Evaluation> {
    const ready = await prepare(name, run);
    const { timeZone, region, reader } = deps;
    const reads = { timeZone, region, reader, now: deps.clock.now(), limit: run.limit };
    const items = await readEvaluationSet(lines, ready.spec, reads);
    if (!ready.head && !ready.model && items.every(({ fields }) => fields === undefined))
      throw refused('The form has no trained head, and no language model is asked: there is nothing to evaluate.');
    const { notes, result } = notebook();
    for (const [i, item] of items.entries()) {
      run.signal.throwIfAborted();
      if (item.label !== undefined) await judge(ready, { ...item, label: item.label }, run, notes);
      if (item.fields !== undefined) await readFields(ready, { ...item, fields: item.fields }, run, notes);
      run.progress(i + 1, items.length);
    }
    return { ...described(ready), source: 'file', texts: items.length, leftOut: 0, ...result() };
  }

  /** Compares what the machine had said with what people said of the newest reviewed responses. Nothing is asked again. Errors: as `onFile`. */
  async function onReviews(name: string, run: EvaluationRun): Promise<Evaluation> {
    const ready = await prepare(name, { ...run, useModel: false });
    const { notes, result } = notebook();
    const { texts, leftOut } = await judgedReviews(deps.storage, ready, run, notes);
    if (texts === 0)
      throw refused(
        leftOut === 0
          ? 'Nobody has reviewed a response of the form yet.'
          : `All ${leftOut} reviewed responses were read again after their review: nothing tells how good the first reading was.`,
      );
    const { fields, ...others } = result();
    // A tier is only seen where it found something: what it missed is nobody's, and shows in `all`.
    const seen = fields.map((one) => (one.tier === 'all' ? one : { ...one, recall: undefined, f1: undefined }));
    return { ...described(ready), source: 'reviews', texts, leftOut, ...others, fields: seen };
  }

  async function prepare(name: string, { useModel }: Pick<EvaluationRun, 'useModel'>): Promise<Ready> {
    const form = await deps.catalog.form(name);
    const { version } = await deps.catalog.version(form);
    const spec = specOf(version);
    const head = (await deps.storage.get('head', form.id))?.doc;
    const model = useModel ? await startedModel() : undefined;
    const fit = model && (await deps.storage.get('model-fit', fitId(form.id, model.sha256)))?.doc;
    const tiers = [rulesTier(deps), ...(model ? [modelTier(deps)] : [])];
    return { form: { id: form.id, slug: form.slug, version: version.version }, spec, head, model, fit, tiers };
  }

  /** Errors: `value-refused` when one is set and does not start: figures without it would look like figures of it. */
  async function startedModel(): Promise<TextModelInfo | undefined> {
    try {
      const model = await deps.textModel.model();
      if (model) await deps.textModel.warm();
      return model;
    } catch (err) {
      const why = err instanceof Error ? err.message : String(err);
      throw refused(`The language model does not start: ${why} Leave it out with --no-model.`);
    }
  }

  async function judge(
    { spec, head, model, fit }: Ready,
    { text, label: target }: EvaluationItem & { label: string | null },
    { allTiers, signal }: EvaluationRun,
    { verdicts, took, unanswered }: Notes,
  ): Promise<void> {
    const said = head && (await headVerdict(head, text, took));
    if (said) verdicts.add('head', target, said, !said.abstained);
    if (!model || (said && !said.abstained && !allTiers)) {
      if (said) verdicts.add('cascade', target, said, !said.abstained);
      return;
    }
    const options = optionsFor(spec.classify!, said);
    const limits = { timeMs: deps.budgetMs, signal };
    const asked = await askForLabel(deps, spec.classify!, options, prepareText(text).text, limits);
    if ('fault' in asked) {
      unanswered('classify', asked.fault);
      if (said) verdicts.add('cascade', target, said, !said.abstained);
      return;
    }
    took('classify', 'llm', asked.ms);
    const found = best(asked.value);
    const joint = jointVerdict(options, said, asked.value, fit);
    if (said) verdicts.add(headBesideModel, target, said, !said.abstained);
    verdicts.add('llm', target, { label: options[found]!.label, confidence: asked.value[found]! });
    verdicts.add('joint', target, joint, !joint.needsReview);
    // As the server keeps it: a head that is sure is not overruled, and where neither is sure the head's word is kept.
    const kept = said && (!said.abstained || joint.needsReview) ? said : joint;
    verdicts.add('cascade', target, kept, kept === said ? !said.abstained : !joint.needsReview);
  }

  async function headVerdict(
    head: FormHead,
    text: string,
    took: Notes['took'],
  ): Promise<Omit<Classification, 'label'> & { label: string | null }> {
    const ref = { sha256: head.sha256, read: () => trainedBytes(deps.blobs, head) };
    const from = performance.now();
    const [verdict] = await deps.classifier.classify({ head: ref, texts: [text] });
    took('classify', 'head', performance.now() - from);
    return { ...verdict!, label: verdict!.label ?? null };
  }

  async function readFields(
    { spec, tiers }: Ready,
    { text, fields: expected, at }: EvaluationItem & { fields: Record<string, string> },
    { allTiers, signal }: EvaluationRun,
    notes: Notes,
  ): Promise<void> {
    const all = spec.extract?.fields ?? [];
    const first: Record<string, string> = {};
    for (const { tier, mayFind, read } of tiers) {
      const asked = all.filter((field) => mayFind(field) && (allTiers || first[field.name] === undefined));
      if (asked.length === 0) continue;
      const answer = await read(text, asked, at, signal);
      if ('fault' in answer) {
        notes.unanswered('extract', answer.fault);
        continue;
      }
      notes.dropped += answer.dropped;
      notes.took('extract', tier, answer.ms);
      for (const field of asked) notes.cases.push(caseOf(field, tier, expected, answer.values));
      for (const [name, value] of Object.entries(answer.values)) first[name] ??= value;
    }
    for (const field of all) notes.cases.push(caseOf(field, 'all', expected, first));
  }

  return { onFile, onReviews };
}
export type EvaluationUseCase = ReturnType<typeof createEvaluation>;

const refused = (detail: string) => new AppError('value-refused', { detail });

function specOf({ intelligence }: FormVersion): IntelligenceSpec {
  if (!intelligence?.classify && !intelligence?.extract)
    throw refused('The form asks for neither labels nor fields: there is nothing to evaluate.');
  return intelligence;
}

function caseOf(
  field: NonNullable<IntelligenceSpec['extract']>['fields'][number],
  tier: string,
  expected: Record<string, string>,
  found: Record<string, string>,
): FieldCase {
  const { name } = field;
  return { field: name, tier, expected: comparable(field, expected[name]), found: comparable(field, found[name]) };
}

function described({ form, head, model }: Ready): Pick<Evaluation, 'form' | 'head' | 'model'> {
  return {
    form,
    head: head && { sha256: head.sha256, examples: head.examples, threshold: head.threshold },
    model,
  };
}

function notebook() {
  const times = new Map<string, { part: Part; tier: string; ms: number[] }>();
  const why = new Map<string, number>();
  const notes: Notes = {
    verdicts: createVerdicts(),
    cases: [],
    dropped: 0,
    took(part, tier, ms) {
      const key = `${part}:${tier}`;
      const entry = times.get(key) ?? { part, tier, ms: [] };
      times.set(key, entry);
      if (ms !== undefined) entry.ms.push(ms);
    },
    unanswered: (part, fault) => void why.set(`${part}:${fault}`, (why.get(`${part}:${fault}`) ?? 0) + 1),
  };
  const result = () => ({
    verdicts: notes.verdicts.scores(),
    fields: fieldScores(notes.cases),
    droppedValues: notes.dropped,
    latency: [...times.values()].flatMap(({ part, tier, ms }): Latency[] => {
      const quantiles = quantilesOf(ms);
      return quantiles ? [{ part, tier, answers: ms.length, ...quantiles }] : [];
    }),
    unanswered: Object.fromEntries(why),
  });
  return { notes, result };
}
