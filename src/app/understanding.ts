import { leftToModel, type ModelTrust } from '#domain/cascade.ts';
import {
  announce,
  askModel,
  type Consequences,
  eventId,
  fitModel,
  join,
  learnAnew,
  learnWithEmbeddings,
  nothing,
} from '#domain/consequences.ts';
import { AppError } from '#domain/errors.ts';
import type { FormVersion } from '#domain/form/form.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { LabelSpec } from '#domain/intelligence.ts';
import type { FormHead, FormTagger } from '#domain/learning.ts';
import { ModelError } from '#domain/model-error.ts';
import { fitId, isOutdated } from '#domain/model-fit.ts';
import { classifyPrompt } from '#domain/prompt/classify.ts';
import { templateModel, templateReply } from '#domain/reply-template.ts';
import type {
  ClassifyResult,
  ExtractResult,
  KeptResponse,
  Part,
  Provenance,
  RespondResult,
  Tier,
  TrailEntry,
  Understanding,
} from '#domain/response.ts';
import { withApplied } from '#domain/response.ts';
import type { ResponseVector } from '#domain/response-vector.ts';
import { responseView } from '#domain/response-view.ts';
import type { NewTask } from '#domain/task.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { SequenceTagger } from '#ports/sequence-tagger.ts';
import type { Storage } from '#ports/storage.ts';
import type { TextClassifier } from '#ports/text-classifier.ts';
import type { TextModel, TextModelInfo } from '#ports/text-model.ts';
import type { Reading, TextReader } from '#ports/text-reader.ts';
import { type EmbeddedText, type Embedding, embeddedBy, forClassifier, withDescriptions } from './embedding.ts';
import { createFieldTagging } from './field-tagging.ts';
import type { FormCatalog } from './form-catalog.ts';
import { trainedBytes } from './learning/trained-file.ts';
import type { MailNotices } from './mail/notices.ts';
import type { WantsEvent } from './responses.ts';
import type { Placing } from './search/placing.ts';
import { type Text, textsOf, wholeOf } from './search/text-of.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get'>;
  catalog: Pick<FormCatalog, 'form' | 'version'>;
  classifier: Pick<TextClassifier, 'classify'>;
  /** Absent: texts are classified by their words alone. */
  embedding?: Pick<Embedding, 'ofText' | 'ofLabels' | 'model'>;
  /** Absent: vectors of texts are used and not kept. */
  placing?: Placing;
  reader: Pick<TextReader, 'read'>;
  tagger: Pick<SequenceTagger, 'tag'>;
  blobs: Pick<BlobStore, 'read'>;
  textModel: Pick<TextModel, 'model'>;
  clock: Clock;
  metrics: Pick<Metrics, 'observe' | 'count'>;
  wantsEvent: WantsEvent;
  mail: Pick<MailNotices, 'understood'>;
  offer: (tasks: NewTask[]) => void;
  timeZone: string;
  /** ISO 3166 region for phone numbers without a country code. */
  region: string | undefined;
};

export type Cause = { taskId: string; lease: string };
export type Understood = 'understood' | 'already-understood' | 'gone' | 'lease-lost';

const rulesModel = 'rules/1';
/** F1 on held-out examples. */
const wellEnough = 0.8;
/** Somebody may review the response at the same moment; more collisions than this are not chance. */
const tries = 5;

export function createUnderstanding(deps: Deps) {
  const tagFields = createFieldTagging(deps);

  /** Reads one response by the tiers there are and keeps the result with its provenance, in one commit. Running it twice changes nothing. */
  async function understand(
    cause: Cause,
    responseId: string,
    progress: (fraction: number) => void,
  ): Promise<Understood> {
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      const stored = await deps.storage.get('response', responseId);
      if (!stored) return 'gone';
      if (stored.doc.applied.includes(cause.taskId)) return 'already-understood';
      const form = await deps.catalog.form(stored.doc.formId);
      const { version } = await deps.catalog.version(form, stored.doc.formVersion);
      const { vector, ...read } = await readResponse(stored.doc, version, progress);
      const left = await leave(cause, stored.doc, version, read);
      const done = await keep(cause, stored, left, vector);
      if (done === 'understood' && vector) await deps.placing?.kept(vector, cause);
      if (done !== 'conflict') return done;
    }
    throw new AppError('conflict', { detail: `The response kept changing while it was read (${tries} times).` });
  }

  async function keep(
    cause: Cause,
    stored: { revision: number; doc: KeptResponse },
    { understanding, parts, tasks }: Left,
    vector: ResponseVector | undefined,
  ): Promise<Understood | 'conflict'> {
    const { open: _, ...before } = stored.doc;
    const doc: KeptResponse = {
      ...before,
      status: parts.length === 0 ? 'completed' : 'accepted',
      understanding,
      ...(parts.length > 0 && { open: { by: cause.taskId, parts } }),
      stoppedAt: undefined,
      applied: withApplied(stored.doc.applied, cause.taskId),
    };
    const follow = join(tasks, await whenUnderstood(deps, doc, cause.taskId));
    const result = await deps.storage.commit({
      change: { op: 'update', kind: 'response', doc, expect: stored.revision },
      also: [...follow.also, ...(vector ? [{ kind: 'vector' as const, doc: vector }] : [])],
      tasks: follow.tasks,
      cause,
    });
    if (result.outcome === 'lease-lost') return 'lease-lost';
    if (result.outcome === 'committed') deps.offer(follow.tasks);
    return result.outcome === 'committed' ? 'understood' : 'conflict';
  }

  /** What the cheap tiers leave to the language model, and what measures it where nobody has yet. */
  async function leave(
    cause: Cause,
    response: KeptResponse,
    version: FormVersion,
    { understanding, lostTagger }: Read,
  ): Promise<Left> {
    const { model, noModel } = await modelNow(deps.textModel);
    const { trust, measure } = model ? await trustIn(response, model.sha256, version) : noTrust;
    const { parts, trail } = leftToModel(version.intelligence ?? {}, understanding, {
      noModel,
      trust,
      known: model && version.intelligence?.extract ? await wellKnown(deps.storage, response.formId) : new Set(),
    });
    return {
      understanding: { ...understanding, trail: [...(understanding.trail ?? []), ...trail] },
      parts,
      tasks: join(
        askModel(cause.taskId, response.id, parts, deps.clock.now()),
        measure,
        await relearn(response, version, understanding),
        lostTagger ? learnAnew('tagger', lostTagger, deps.clock.now()) : nothing,
      ),
    };
  }

  /** A head whose file could not be used is made anew, and one that has learnt without the embedding model in use learns again. */
  async function relearn(
    { formId }: KeptResponse,
    version: FormVersion,
    { skipped }: Understanding,
  ): Promise<Consequences> {
    const lost = skipped?.classify === 'head-missing';
    const model = version.intelligence?.classify && (await deps.embedding?.model());
    const head = lost || model ? (await deps.storage.get('head', formId))?.doc : undefined;
    if (head && lost) return learnAnew('head', head, deps.clock.now());
    if (!model || !head || head.embeddingSha256 === model.sha256) return nothing;
    return learnWithEmbeddings(formId, model.sha256, head.sha256, deps.clock.now());
  }

  /** Whether the model was measured to help this form's head. */
  async function trustIn(
    { formId }: KeptResponse,
    modelSha256: string,
    version: FormVersion,
  ): Promise<{ trust: ModelTrust; measure: Consequences }> {
    if (!version.intelligence?.classify) return noTrust;
    const head = (await deps.storage.get('head', formId))?.doc;
    if (!head) return noTrust;
    const fit = (await deps.storage.get('model-fit', fitId(formId, modelSha256)))?.doc;
    const outdated = !fit || isOutdated(fit, head, classifyPrompt);
    return {
      trust: !fit ? 'not-measured' : fit.useful ? 'useful' : 'no-gain',
      measure: outdated ? fitModel(formId, modelSha256, head.sha256, deps.clock.now()) : nothing,
    };
  }

  async function readResponse(
    response: KeptResponse,
    version: FormVersion,
    progress: (fraction: number) => void,
  ): Promise<Read & { vector: ResponseVector | undefined }> {
    const spec = version.intelligence ?? {};
    const texts = textsOf(response, spec.text ?? version.compiled.texts);
    const whole = wholeOf(texts);
    const stamp = stampFor(sha256Hex(whole));
    const skipped: Record<string, string> = {};
    const result: Understanding = {};
    if (texts.length === 0) {
      for (const part of ['classify', 'extract'] as const) if (spec[part]) skipped[part] = 'no-text';
    }

    const reading = await timed('extract', 'rules', () => readTexts(response, version, texts));
    result.language = reading.value.language;
    result.personal = reading.value.personal.map(({ text, ...span }) => ({ ...span, question: texts[text]!.question }));
    progress(0.4);
    const trail: TrailEntry[] = [];
    let lostTagger: FormTagger | undefined;
    if (spec.extract && texts.length > 0) {
      ({ extract: result.extract, lost: lostTagger } = await tagFields({
        response,
        specs: spec.extract.fields,
        texts,
        byRules: extraction(reading.value, texts, stamp('rules', rulesModel, reading.milliseconds)),
        stamp,
      }));
      trail.push(...extractTrail(result.extract));
    }

    const embedded = texts.length > 0 ? await embed(whole) : undefined;
    if (spec.classify && texts.length > 0) {
      const verdict = await classify(response.formId, spec.classify.labels, { text: whole, embedded }, stamp);
      if (typeof verdict === 'string') skipped.classify = verdict;
      else result.classify = verdict;
      const outcome = typeof verdict === 'string' ? verdict : verdict.needsReview ? 'unsure' : 'answered';
      trail.push({ part: 'classify', tier: typeof verdict === 'string' ? 'head' : verdict.tier, outcome });
    }
    progress(0.8);
    if (spec.respond) {
      result.respond = templateDraft(version, reading.value.language, stamp);
      trail.push({ part: 'respond', tier: 'template', outcome: 'answered' });
    }
    result.trail = trail;
    if (Object.keys(skipped).length > 0) result.skipped = skipped;
    const placed = embedded && (await deps.placing?.place(response, embedded));
    if (placed?.nearDuplicateOf) result.nearDuplicateOf = placed.nearDuplicateOf;
    return { understanding: result, vector: placed?.vector, lostTagger };
  }

  /** Once for the classifier, the search and the near-duplicates. */
  async function embed(text: string): Promise<Embedded | undefined> {
    const started = performance.now();
    const embedded = await deps.embedding?.ofText(text);
    return embedded && { ...embedded, milliseconds: performance.now() - started };
  }

  const readTexts = (response: KeptResponse, version: FormVersion, texts: Text[]): Promise<Reading> =>
    deps.reader.read(
      texts.map(({ text }) => text),
      version.intelligence?.extract?.fields ?? [],
      { now: response.submittedAt, timeZone: deps.timeZone, region: deps.region },
    );

  /** Why there is no verdict, where there is none: a response is kept and passed on without it. */
  async function classify(
    formId: string,
    labels: LabelSpec[],
    read: ReadText,
    stamp: Stamp,
  ): Promise<ClassifyResult | 'no-trained-head' | 'head-missing'> {
    let missing: string | undefined;
    for (;;) {
      const head = (await deps.storage.get('head', formId))?.doc;
      if (head && head.sha256 === missing) return 'head-missing';
      try {
        return (await classifyWith(head, labels, read, stamp)) ?? 'no-trained-head';
      } catch (err) {
        if (!(err instanceof AppError && err.code === 'gone')) throw err;
        // A training has just put another in its place; where none has, the file is lost or damaged.
        missing = head?.sha256;
      }
    }
  }

  /**
   * By the head, and by their descriptions for labels that it does not know. Undefined where neither says anything. Errors: `gone` when the file of the head is
   * missing or damaged.
   */
  async function classifyWith(
    head: FormHead | undefined,
    labels: readonly LabelSpec[],
    { text, embedded }: ReadText,
    stamp: Stamp,
  ): Promise<ClassifyResult | undefined> {
    const trained = new Set(head?.labels);
    const untrained = labels.some(({ name }) => !trained.has(name));
    const started = performance.now();
    const said = head && (await askHead(head, text, embedded));
    const described = embedded && untrained ? await deps.embedding?.ofLabels(labels, embedded) : undefined;
    const verdict = embedded && described ? withDescriptions(said, embedded, described, trained) : said;
    if (!verdict) return undefined;
    const milliseconds = performance.now() - started + (embedded?.milliseconds ?? 0);
    const tier = verdict.zeroShot ? 'embedding' : 'head';
    deps.metrics.observe('formstead_inference_seconds', { kind: 'classify', tier }, milliseconds / 1000);
    deps.metrics.count('formstead_inference_total', {
      kind: 'classify',
      tier,
      outcome: verdict.abstained ? 'abstained' : 'answered',
    });
    return {
      label: verdict.label ?? null,
      confidence: rounded(verdict.confidence),
      tier,
      needsReview: verdict.abstained,
      alternatives: verdict.alternatives.map((other) => ({
        label: other.label,
        confidence: rounded(other.confidence),
      })),
      provenance: {
        ...stamp(tier, tier === 'head' ? 'ngram-head/1' : 'label-descriptions/1', milliseconds),
        ...(head && { modelSha256: head.sha256 }),
        ...(embedded && (described || head?.embeddingSha256 === embedded.model.sha256) && embeddedBy(embedded)),
      },
    };
  }

  async function askHead(head: FormHead, text: string, embedded: EmbeddedText | undefined) {
    const ref = { sha256: head.sha256, read: () => trainedBytes(deps.blobs, head) };
    const embeddings = embedded && forClassifier(embedded);
    const [verdict] = await deps.classifier.classify({ head: ref, texts: [text], embeddings });
    return verdict!;
  }

  function templateDraft(version: FormVersion, language: string | undefined, stamp: Stamp): RespondResult {
    const maxWords = version.intelligence?.respond?.max_words ?? 80;
    const text = templateReply({ language, title: version.title, maxWords });
    return { text, tier: 'template', draft: true, provenance: stamp('template', templateModel, 0) };
  }

  type Stamp = ReturnType<typeof stampFor>;
  const stampFor =
    (inputSha256: string) =>
    (tier: Tier, model: string, milliseconds: number): Provenance => ({
      tier,
      model,
      inputSha256,
      milliseconds: Math.round(milliseconds * 1000) / 1000,
      at: deps.clock.now(),
    });

  async function timed<T>(
    kind: 'classify' | 'extract',
    tier: Tier,
    work: () => Promise<T>,
  ): Promise<{ value: T; milliseconds: number }> {
    const from = performance.now();
    const value = await work();
    const milliseconds = performance.now() - from;
    deps.metrics.observe('formstead_inference_seconds', { kind, tier }, milliseconds / 1000);
    return { value, milliseconds };
  }

  return { understand };
}
export type UnderstandingUseCase = ReturnType<typeof createUnderstanding>;

/** Fields that the form's tagger finds so well that what it does not find is not there. */
export async function wellKnown(storage: Pick<Storage, 'get'>, formId: string): Promise<ReadonlySet<string>> {
  const skills = (await storage.get('tagger', formId))?.doc.byField ?? {};
  return new Set(Object.entries(skills).flatMap(([name, { f1 }]) => (f1 >= wellEnough ? [name] : [])));
}

async function modelNow(
  textModel: Pick<TextModel, 'model'>,
): Promise<{ model: TextModelInfo | undefined; noModel: 'no-model' | 'model-unavailable' | undefined }> {
  try {
    const model = await textModel.model();
    return { model, noModel: model ? undefined : 'no-model' };
  } catch (err) {
    if (!(err instanceof ModelError)) throw err;
    return { model: undefined, noModel: 'model-unavailable' };
  }
}

type Embedded = EmbeddedText & { milliseconds: number };
/** A text as the classifier takes it. */
type ReadText = { text: string; embedded: Embedded | undefined };

/** What the cheap tiers said. `lostTagger`: the form's, whose file is missing or damaged. */
type Read = { understanding: Understanding; lostTagger: FormTagger | undefined };

/** What stays to be done after the cheap tiers, and what they made of it. */
type Left = { understanding: Understanding; parts: Part[]; tasks: Consequences };

const noTrust: { trust: ModelTrust; measure: Consequences } = { trust: 'nothing-to-measure', measure: nothing };

/**
 * What follows from an understanding which nothing is left to do for: the event that tells of it, where somebody wants it, and the e-mail. The event's id follows
 * from the task that began it, so that it is one event whichever part ended last; a reprocessed response is understood again: another task, another event.
 */
export async function whenUnderstood(
  deps: { wantsEvent: WantsEvent; mail: Pick<MailNotices, 'understood'>; clock: Clock },
  doc: KeptResponse,
  taskId: string,
): Promise<Consequences> {
  if (doc.status !== 'completed') return nothing;
  const mail = await deps.mail.understood(doc, taskId);
  if (!(await deps.wantsEvent('response.understood', doc.formId))) return mail;
  const began = taskId.split(':')[1]?.split('.')[0]?.replace('understand', 'understood') ?? 'understood';
  const event = announce({
    id: eventId(doc.id, began),
    type: 'response.understood',
    at: deps.clock.now(),
    data: responseView(doc),
    formId: doc.formId,
    responseId: doc.id,
  });
  return join(event, mail);
}

function extraction(reading: Reading, texts: Text[], provenance: Provenance): ExtractResult {
  const fields: ExtractResult['fields'] = {};
  for (const [name, { text, value, source, start, end }] of Object.entries(reading.fields)) {
    const from = texts[text];
    // Grounded or not at all: the value must stand where it says it stands.
    if (from?.text.slice(start, end) !== source) continue;
    fields[name] = { value, source, start, end, question: from.question, tier: 'rules' };
  }
  return { fields, provenance };
}

function extractTrail({ fields, tagger }: ExtractResult): TrailEntry[] {
  const found = (tier: Tier) => Object.values(fields).some((field) => field.tier === tier);
  const outcome = (tier: Tier) => (found(tier) ? 'answered' : 'nothing-found');
  const rules: TrailEntry = { part: 'extract', tier: 'rules', outcome: outcome('rules') };
  return tagger ? [rules, { part: 'extract', tier: 'tagger', outcome: outcome('tagger') }] : [rules];
}

const rounded = (probability: number): number => Math.round(probability * 10_000) / 10_000;
