import { isoInstant } from './instant.ts';
import type { Json } from './json.ts';
import { type ExtractedField, effectiveLabel, type KeptResponse, type Response } from './response.ts';

const time = isoInstant;

type Shown = Response & Partial<Pick<KeptResponse, 'receipt'>>;

/** A response in the words of the HTTP contract: the same in answers, webhooks and exports. */
export function responseView(response: Shown): { [key: string]: Json } {
  return JSON.parse(responseJson(response, JSON.stringify(response.answers)));
}

/** The same as a text, around the JSON of its answers: what is undefined falls out. */
export function responseJson(response: Omit<Shown, 'answers'>, answers: string): string {
  const head = JSON.stringify({
    id: response.id,
    form_id: response.formId,
    form_version: response.formVersion,
    status: response.status,
  });
  const rest = JSON.stringify({
    metadata: response.metadata,
    submitted_at: time(response.submittedAt),
    label: effectiveLabel(response),
    language: response.understanding?.language,
    intelligence: intelligenceView(response),
    review: response.review && { ...response.review, at: time(response.review.at) },
    receipt: response.receipt,
  });
  return `${head.slice(0, -1)},"answers":${answers},${rest.slice(1)}`;
}

function intelligenceView({ understanding }: Pick<Response, 'understanding'>): object | undefined {
  if (!understanding) return undefined;
  const { classify, extract, respond, personal, nearDuplicateOf, skipped, trail } = understanding;
  return {
    classify: classify && {
      label: classify.label,
      confidence: classify.confidence,
      tier: classify.tier,
      needs_review: classify.needsReview,
      alternatives: classify.alternatives,
      provenance: provenanceView(classify.provenance),
    },
    extract: extract && {
      fields: Object.fromEntries(Object.entries(extract.fields).map(([name, field]) => [name, fieldView(field)])),
      provenance: provenanceView(extract.provenance),
      tagger: extract.tagger && { ...provenanceView(extract.tagger), dropped: extract.tagger.dropped },
      llm: extract.llm && { ...provenanceView(extract.llm), dropped: extract.llm.dropped },
    },
    respond: respond && {
      text: respond.text,
      draft: true,
      tier: respond.tier,
      provenance: provenanceView(respond.provenance),
    },
    personal: personal?.map(({ question, kind, start, end }) => ({ question, kind, start, end })),
    near_duplicate_of: nearDuplicateOf,
    skipped,
    trail,
  };
}

function fieldView({ needsReview, ...field }: ExtractedField): object {
  return { ...field, needs_review: needsReview };
}

function provenanceView(
  provenance: NonNullable<NonNullable<Response['understanding']>['classify']>['provenance'],
): object {
  return {
    tier: provenance.tier,
    model: provenance.model,
    model_sha256: provenance.modelSha256,
    input_sha256: provenance.inputSha256,
    milliseconds: provenance.milliseconds,
    at: time(provenance.at),
    embedding_model: provenance.embeddingModel,
    embedding_sha256: provenance.embeddingSha256,
    prompt: provenance.prompt,
    grammar_sha256: provenance.grammarSha256,
    seed: provenance.seed,
    tokens: provenance.tokens,
    queue_ms: provenance.times?.queue,
    first_token_ms: provenance.times?.firstToken,
    cached: provenance.cached,
  };
}
