import type { FieldCase } from '#domain/evaluation.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import type { ExtractResult, KeptResponse, Part, Provenance, Review } from '#domain/response.ts';
import type { Storage } from '#ports/storage.ts';
import { pages } from '../every.ts';
import { comparable } from './evaluation-set.ts';
import type { Verdicts } from './verdicts.ts';

type Notes = {
  verdicts: Verdicts;
  cases: FieldCase[];
  took: (part: Part, tier: string, ms: number | undefined) => void;
};
type Run = { limit: number; signal: AbortSignal; progress: (done: number, of: number) => void };

/** Responses that are read at once. */
const pageSize = 200;

/** Notes the newest `limit` responses that a person has reviewed. Left out are those that were read again after it: what they learnt from is the review itself. */
export async function judgedReviews(
  storage: Pick<Storage, 'list'>,
  { form, spec }: { form: { id: string }; spec: IntelligenceSpec },
  { limit, signal, progress }: Run,
  notes: Notes,
): Promise<{ texts: number; leftOut: number }> {
  let [texts, leftOut] = [0, 0];
  const query = { where: { formId: form.id }, newestFirst: true, limit: pageSize };
  for await (const { items } of pages((after) => storage.list('response', { ...query, after }))) {
    signal.throwIfAborted();
    for (const { doc } of items) {
      if (texts >= limit) break;
      const seen = noteReview(doc, spec, notes);
      if (seen === 'noted') texts += 1;
      if (seen === 'later') leftOut += 1;
    }
    progress(texts, Math.max(texts, Math.min(limit, texts + pageSize)));
    if (texts >= limit) break;
  }
  return { texts, leftOut };
}

function noteReview(
  { review, understanding }: KeptResponse,
  spec: IntelligenceSpec,
  notes: Notes,
): 'noted' | 'later' | 'nothing' {
  if (!review || !understanding) return 'nothing';
  const { classify, extract } = understanding;
  const labelled = review.label !== undefined && classify ? { ...classify, target: review.label } : undefined;
  const corrected = review.fields && extract;
  if (!labelled && !corrected) return 'nothing';
  const results = [labelled?.provenance, ...(corrected ? provenancesOf(corrected) : [])];
  if (results.some((one) => one !== undefined && one.at > review.at)) return 'later';
  if (labelled) {
    const { tier, target, needsReview, provenance } = labelled;
    notes.verdicts.add(tier, target, labelled, !needsReview);
    notes.verdicts.add('cascade', target, labelled, !needsReview);
    notes.took('classify', tier, provenance.cached ? undefined : provenance.milliseconds);
  }
  if (corrected) noteFields(corrected, review, spec, notes);
  return 'noted';
}

/** A person who corrects fields has seen all of them: what is not named was right. */
function noteFields(extract: ExtractResult, { fields = {} }: Review, spec: IntelligenceSpec, notes: Notes): void {
  for (const { tier, milliseconds, cached } of provenancesOf(extract))
    notes.took('extract', tier, cached ? undefined : milliseconds);
  for (const name of new Set([...Object.keys(extract.fields), ...Object.keys(fields)])) {
    const field = spec.extract?.fields.find((one) => one.name === name);
    const found = extract.fields[name];
    const right = fields[name] ?? found?.value;
    const one = {
      field: name,
      expected: comparable(field, right || undefined),
      found: comparable(field, found?.value),
    };
    if (found) notes.cases.push({ ...one, tier: found.tier });
    notes.cases.push({ ...one, tier: 'all' });
  }
}

const provenancesOf = ({ provenance, tagger, llm }: ExtractResult): Provenance[] =>
  [provenance, tagger, llm].filter((one) => one !== undefined);
