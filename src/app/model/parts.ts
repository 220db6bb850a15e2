import { missingFields } from '#domain/cascade.ts';
import { checkDraft } from '#domain/draft-check.ts';
import { AppError } from '#domain/errors.ts';
import type { FormVersion } from '#domain/form/form.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import { fitId } from '#domain/model-fit.ts';
import { respondScaffolding, wordsOf } from '#domain/prompt/respond.ts';
import type { KeptResponse, Part, Provenance, Understanding } from '#domain/response.ts';
import { withApplied } from '#domain/response.ts';
import type { NewTask } from '#domain/task.ts';
import { prepareText } from '#domain/untrusted-text.ts';
import type { Clock } from '#ports/clock.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { Storage, Stored } from '#ports/storage.ts';
import type { TextModel } from '#ports/text-model.ts';
import type { TextReader } from '#ports/text-reader.ts';
import type { FormCatalog } from '../form-catalog.ts';
import type { MailNotices } from '../mail/notices.ts';
import type { WantsEvent } from '../responses.ts';
import { textsOf } from '../search/text-of.ts';
import { type Cause, type Understood, wellKnown, whenUnderstood } from '../understanding.ts';
import type { ModelCalls } from './calls.ts';
import { askForLabel, jointVerdict, optionsFor } from './classify.ts';
import { askForFields, schemaOf } from './extract.ts';
import { groundFields } from './ground.ts';
import { askForReply } from './respond.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get'>;
  catalog: Pick<FormCatalog, 'form' | 'version'>;
  textModel: Pick<TextModel, 'score' | 'write'>;
  calls: ModelCalls;
  reader: Pick<TextReader, 'read'>;
  clock: Clock;
  metrics: Pick<Metrics, 'count'>;
  wantsEvent: WantsEvent;
  mail: Pick<MailNotices, 'understood'>;
  offer: (tasks: NewTask[]) => void;
  timeZone: string;
  region: string | undefined;
  /** Time of the model for one response, all parts together. */
  budgetMs: number;
};

export type PartRun = { signal: AbortSignal; progress: (fraction: number) => void };

/** What a part changes of the understanding; `modelMs` is added. */
type Outcome = { change: Pick<Understanding, Part>; outcome: string; ms: number };

/** Somebody may review the response, and other parts end, at the same moment; more collisions than this are not chance. */
const tries = 8;

/**
 * The parts of an understanding that a language model does, each a task of its own. Whatever the model does, dies of or refuses, the part ends: with what the
 * model said where it stands up to our checks, else with what the cheaper tiers had said, and why.
 */
export function createModelParts(deps: Deps) {
  /** `busy`: too many are before the model; nothing was changed, and the task may come again. */
  async function run(cause: Cause, responseId: string, part: Part, given: PartRun): Promise<Understood | 'busy'> {
    const stored = await deps.storage.get('response', responseId);
    if (!stored) return 'gone';
    if (!isOpen(stored.doc, cause, part)) return 'already-understood';
    const form = await deps.catalog.form(stored.doc.formId);
    const { version } = await deps.catalog.version(form, stored.doc.formVersion);
    const done = await partOf(stored.doc, version, part, given);
    if (done.outcome === 'model-busy') return 'busy';
    deps.metrics.count('formstead_inference_total', {
      kind: part,
      tier: 'llm',
      outcome: done.outcome === 'answered' ? 'answered' : 'abstained',
    });
    return keep(cause, stored, part, done);
  }

  async function keep(cause: Cause, first: Stored<'response'>, part: Part, done: Outcome): Promise<Understood> {
    let stored: Stored<'response'> | undefined = first;
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      if (!stored) return 'gone';
      if (!isOpen(stored.doc, cause, part)) return 'already-understood';
      const doc = withPart(stored.doc, cause, part, done);
      const follow = await whenUnderstood(deps, doc, cause.taskId);
      const result = await deps.storage.commit({
        change: { op: 'update', kind: 'response', doc, expect: stored.revision },
        ...follow,
        cause,
      });
      if (result.outcome === 'lease-lost') return 'lease-lost';
      if (result.outcome === 'committed') {
        deps.offer(follow.tasks);
        return 'understood';
      }
      stored = await deps.storage.get('response', first.doc.id);
    }
    throw new AppError('conflict', { detail: `The response kept changing while it was read (${tries} times).` });
  }

  async function partOf(response: KeptResponse, version: FormVersion, part: Part, given: PartRun): Promise<Outcome> {
    const spec = version.intelligence ?? {};
    const understanding = response.understanding ?? {};
    const texts = textsOf(response, spec.text ?? version.compiled.texts);
    const whole = texts.map(({ text }) => text).join('\n\n');
    const limits = { ...given, timeMs: deps.budgetMs - (understanding.modelMs ?? 0) };
    const stamp = (model: object): Provenance => ({
      tier: 'llm',
      model: '',
      inputSha256: sha256Hex(whole),
      milliseconds: 0,
      at: deps.clock.now(),
      ...model,
    });
    if (part === 'classify') return classify(response, spec, whole, limits, stamp);
    if (part === 'extract') return extract(response, spec, texts, limits, stamp);
    return respond(spec, understanding, whole, limits, stamp);
  }

  type Limits = PartRun & { timeMs: number };
  type Stamp = (model: object) => Provenance;

  async function classify(
    response: KeptResponse,
    spec: IntelligenceSpec,
    text: string,
    limits: Limits,
    stamp: Stamp,
  ): Promise<Outcome> {
    const said = response.understanding?.classify;
    const options = optionsFor(spec.classify!, said);
    const asked = await askForLabel(deps, spec.classify!, options, prepareText(text).text, limits);
    if ('fault' in asked) return { change: {}, outcome: asked.fault, ms: asked.ms };
    const fit = await deps.storage.get('model-fit', fitId(response.formId, asked.provenance.modelSha256!));
    const verdict = jointVerdict(options, said, asked.value, fit?.doc);
    // Two that are unsure are no better than one: the head's word is kept, since it was learnt from this form.
    if (verdict.needsReview && said) return { change: {}, outcome: 'unsure', ms: asked.ms };
    const provenance = stamp({ ...asked.provenance, milliseconds: rounded(asked.ms) });
    return {
      change: { classify: { ...verdict, provenance } },
      outcome: verdict.needsReview ? 'unsure' : 'answered',
      ms: asked.ms,
    };
  }

  async function extract(
    response: KeptResponse,
    spec: IntelligenceSpec,
    texts: { question: string; text: string }[],
    limits: Limits,
    stamp: Stamp,
  ): Promise<Outcome> {
    const found = response.understanding?.extract;
    const fields = missingFields(spec, response.understanding ?? {}, await wellKnown(deps.storage, response.formId));
    // A tagger has been trained since the part was left to the model.
    if (fields.length === 0) return { change: {}, outcome: 'not-needed', ms: 0 };
    const message = prepareText(texts.map(({ text }) => text).join('\n\n')).text;
    const asked = await askForFields(deps, fields, message, limits);
    if ('fault' in asked) return { change: {}, outcome: asked.fault, ms: asked.ms };
    if (asked.value === null) return { change: {}, outcome: 'cut-off', ms: asked.ms };
    const { added, dropped } = await groundFields(deps, fields, asked.value, texts, response.submittedAt);
    for (const reason of dropped) deps.metrics.count('formstead_fields_dropped_total', { tier: 'llm', reason });
    const provenance = stamp({
      ...asked.provenance,
      grammarSha256: sha256Hex(JSON.stringify(schemaOf(fields, message))),
      milliseconds: rounded(asked.ms),
    });
    const llm = { ...provenance, dropped: dropped.length };
    const extracted = { ...found!, fields: { ...found!.fields, ...added }, llm };
    const outcome = Object.keys(added).length > 0 ? 'answered' : 'nothing-found';
    return { change: { extract: extracted }, outcome, ms: asked.ms };
  }

  async function respond(
    spec: IntelligenceSpec,
    { language }: Understanding,
    text: string,
    limits: Limits,
    stamp: Stamp,
  ): Promise<Outcome> {
    const message = prepareText(text).text;
    const asked = await askForReply(deps, spec.respond!, language, message, limits);
    if ('fault' in asked) return { change: {}, outcome: asked.fault, ms: asked.ms };
    const { instructions } = spec.respond!;
    const rules = { instructions, maxWords: wordsOf(spec.respond!), scaffolding: respondScaffolding, message };
    const checked = checkDraft(asked.value.text, rules);
    if ('refused' in checked) return { change: {}, outcome: checked.refused, ms: asked.ms };
    if (await isInAnother(checked.text, language)) return { change: {}, outcome: 'other-language', ms: asked.ms };
    const provenance = stamp({ ...asked.provenance, milliseconds: rounded(asked.ms) });
    return {
      change: { respond: { text: checked.text, tier: 'llm', draft: true, provenance } },
      outcome: 'answered',
      ms: asked.ms,
    };
  }

  /** Whether a draft is in another language than the response, where both can be told: small models fall back into one they know better. */
  async function isInAnother(draft: string, language: string | undefined): Promise<boolean> {
    if (language === undefined) return false;
    const { timeZone, region, clock } = deps;
    const reading = await deps.reader.read([draft], [], { now: clock.now(), timeZone, region });
    return reading.language !== undefined && reading.language !== language;
  }

  return { run };
}
export type ModelParts = ReturnType<typeof createModelParts>;

/** A part that has ended, or was left by an understanding that another one has replaced, is not done again. */
function isOpen({ open, applied }: KeptResponse, { taskId }: Cause, part: Part): boolean {
  return (
    !applied.includes(taskId) && open !== undefined && taskId === `${open.by}.${part}` && open.parts.includes(part)
  );
}

function withPart(doc: KeptResponse, { taskId }: Cause, part: Part, { change, outcome, ms }: Outcome): KeptResponse {
  const { open, ...rest } = doc;
  const left = open!.parts.filter((other) => other !== part);
  const before = doc.understanding ?? {};
  const skipped = { ...before.skipped };
  if (change[part]) delete skipped[part];
  return {
    ...rest,
    status: left.length === 0 ? 'completed' : doc.status,
    ...(left.length > 0 && { open: { by: open!.by, parts: left } }),
    understanding: {
      ...before,
      ...change,
      skipped: Object.keys(skipped).length > 0 ? skipped : undefined,
      trail: [...(before.trail ?? []), { part, tier: 'llm', outcome }],
      modelMs: Math.round((before.modelMs ?? 0) + ms),
    },
    applied: withApplied(doc.applied, taskId),
  };
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 10) / 10;
