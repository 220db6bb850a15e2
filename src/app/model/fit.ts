import type { FormVersion } from '#domain/form/form.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { Example, FormHead } from '#domain/learning.ts';
import { fitId, fitJoint, headProbabilities, type ModelFit, type Sample } from '#domain/model-fit.ts';
import { classifyPrompt } from '#domain/prompt/classify.ts';
import { prepareText } from '#domain/untrusted-text.ts';
import type { Clock } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';
import type { Classification, TextClassifier } from '#ports/text-classifier.ts';
import type { TextModel } from '#ports/text-model.ts';
import type { Embedding } from '../embedding.ts';
import type { FormCatalog } from '../form-catalog.ts';
import type { Examples } from '../learning/examples.ts';
import type { Cause } from '../understanding.ts';
import type { ModelCalls } from './calls.ts';
import { askForLabel, hasFixedOptions, optionsFor } from './classify.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get'>;
  catalog: Pick<FormCatalog, 'form' | 'version'>;
  examples: Pick<Examples, 'pagesOf'>;
  classifier: Pick<TextClassifier, 'train' | 'classify'>;
  embedding: Pick<Embedding, 'lesson' | 'ofTexts'>;
  textModel: Pick<TextModel, 'model' | 'score'>;
  calls: ModelCalls;
  clock: Clock;
};

type Labelled = { text: string; label: string | null };
export type Fitted = { fitted: boolean; reason?: string; fit?: ModelFit };
type Run = { signal: AbortSignal; progress: (fraction: number) => void };

/** Texts that a head learns from for this measurement, and that it is asked about; of the latter the model sees those the head is least sure of. */
const mostLearnt = 2000;
const mostTried = 400;
const mostAsked = 60;
const questionMs = 20_000;
/** Asked side by side: as many as a model has places, at most. */
const together = 8;

/**
 * Measures what a language model adds to a form's head: a head learns from one part of the examples, is asked about the other, and the model about those that
 * the head is unsure of. What comes out decides whether the model is asked for this form at all, and from when on its word stands.
 */
export function createModelFitting(deps: Deps) {
  const { storage } = deps;

  async function fit(cause: Cause, formId: string, modelSha256: string, run: Run): Promise<Fitted> {
    const model = await deps.textModel.model();
    if (model?.sha256 !== modelSha256) return { fitted: false, reason: 'another model is in use now' };
    const form = await deps.catalog.form(formId);
    const { version } = await deps.catalog.version(form, form.version);
    const head = (await storage.get('head', formId))?.doc;
    if (!version.intelligence?.classify || !head) return { fitted: false, reason: 'nothing to measure' };
    const samples = await samplesOf(formId, version, head, run);
    const fixed = hasFixedOptions(version.intelligence.classify);
    const labels = optionsFor(version.intelligence.classify, undefined).map(({ label }) => label);
    const doc: ModelFit = {
      id: fitId(formId, modelSha256),
      formId,
      modelSha256,
      headSha256: head.sha256,
      prompt: classifyPrompt,
      labels: fixed ? labels : [],
      ...fitJoint(samples, fixed ? labels.length : undefined),
      examples: head.examples,
      at: deps.clock.now(),
    };
    const before = await storage.get('model-fit', doc.id);
    const change = before
      ? ({ op: 'update', kind: 'model-fit', doc, expect: before.revision } as const)
      : ({ op: 'insert', kind: 'model-fit', doc } as const);
    const { outcome } = await storage.commit({ change, cause });
    // Another measurement was first; one is as good as the other.
    return outcome === 'committed' ? { fitted: true, fit: doc } : { fitted: false, reason: outcome };
  }

  async function samplesOf(formId: string, version: FormVersion, head: FormHead, run: Run): Promise<Sample[]> {
    const spec = version.intelligence!.classify!;
    const { learnt, tried } = await split(deps.examples.pagesOf(formId, version.intelligence), head.examples);
    // With embeddings where there is a model for them: the form's head is to be measured as it is. Nothing of this lesson is kept.
    const lesson = await deps.embedding.lesson(formId, once(learnt), run.signal);
    const training = await deps.classifier.train({
      pages: lesson.pages,
      labels: spec.labels.map(({ name }) => name),
      allowNone: spec.allow_none === true,
      signal: run.signal,
    });
    if (training.outcome !== 'trained' || tried.length === 0) return [];
    const ref = { sha256: training.sha256, read: () => Promise.resolve(training.bytes) };
    const texts = tried.map(({ text }) => text);
    const embeddings = await deps.embedding.ofTexts(texts, run.signal);
    const verdicts = await deps.classifier.classify({ head: ref, texts, embeddings });
    const doubtful = tried
      .map((example, i) => ({ example, verdict: verdicts[i]! }))
      .sort((a, b) => a.verdict.confidence - b.verdict.confidence)
      .slice(0, mostAsked);
    const samples: Sample[] = [];
    for (let i = 0; i < doubtful.length; i += together) {
      const asked = doubtful.slice(i, i + together).map((one) => sampleOf(spec, one.example, one.verdict, run.signal));
      samples.push(...(await Promise.all(asked)));
      run.progress(samples.length / doubtful.length);
    }
    return samples;
  }

  /** Errors: an `Error` when the model gives no answer: the task tries again later. */
  async function sampleOf(
    spec: NonNullable<NonNullable<FormVersion['intelligence']>['classify']>,
    example: Labelled,
    verdict: Classification,
    signal: AbortSignal,
  ): Promise<Sample> {
    const said = { ...verdict, label: verdict.label ?? null };
    const options = optionsFor(spec, said);
    const labels = options.map(({ label }) => label);
    const limits = { timeMs: questionMs, signal };
    const asked = await askForLabel(deps, spec, options, prepareText(example.text).text, limits);
    if ('fault' in asked) throw new Error(`the language model gave no answer: ${asked.fault}`);
    return { head: headProbabilities(labels, said), model: asked.value, target: labels.indexOf(example.label) };
  }

  return { fit };
}
export type ModelFitting = ReturnType<typeof createModelFitting>;

/** Two parts by the hash of the text: the same examples give the same parts. Holds at most `mostLearnt` + `mostTried` of them. */
async function split(
  pages: AsyncIterable<Example[]>,
  count: number,
): Promise<{ learnt: Labelled[]; tried: Labelled[] }> {
  const triedShare = Math.min(0.5, mostTried / Math.max(1, count));
  const learntShare = Math.min(1 - triedShare, mostLearnt / Math.max(1, count));
  const learnt = new Map<string, Labelled>();
  const tried = new Map<string, Labelled>();
  for await (const page of pages) {
    for (const { text, label } of page) {
      // Only its fields are marked.
      if (label === undefined) continue;
      const example = { text, label };
      const at = Number.parseInt(sha256Hex(example.text).slice(0, 8), 16) / 2 ** 32;
      if (at < triedShare) tried.set(example.text, example);
      else if (at < triedShare + learntShare) learnt.set(example.text, example);
    }
  }
  return { learnt: [...learnt.values()], tried: [...tried.values()] };
}

async function* once<T>(items: T[]): AsyncGenerator<T[]> {
  yield items;
}
