import type { FormVersion } from './form/form.ts';
import type { FieldType } from './intelligence.ts';
import type { Json } from './json.ts';
import type { PersonalKind, PersonalSpan } from './personal.ts';
import type { ExtractedField, KeptResponse, Provenance, Review, Understanding } from './response.ts';

export const exportMasks = ['none', 'personal'] as const;
export type ExportMask = (typeof exportMasks)[number];

const notRead = '[not yet read]';
const written: Record<PersonalKind, string> = {
  email: '[email]',
  phone: '[phone]',
  iban: '[iban]',
  name: '[name]',
  card: '[card]',
  unread: notRead,
};
const kindOfField: Partial<Record<FieldType, PersonalKind>> = {
  email: 'email',
  phone: 'phone',
  person: 'name',
  iban: 'iban',
};

/** What masking the responses of one version takes: small, so that those of all versions fit into the memory. */
export type MaskPlan = {
  /** Answers masked whole, by what they are. */
  whole: ReadonlyMap<string, PersonalKind>;
  /** Answers that cannot hold free text: choices, numbers, days. All others are free text. */
  closed: ReadonlySet<string>;
  /** Answers that understanding reads. */
  read: ReadonlySet<string>;
  fields: ReadonlyMap<string, FieldType>;
};

export function maskPlan({ compiled, intelligence }: Pick<FormVersion, 'compiled' | 'intelligence'>): MaskPlan {
  const whole = new Map<string, PersonalKind>();
  const closed = new Set<string>();
  for (const { name, type, inputType } of compiled.questions) {
    if (inputType === 'email') whole.set(name, 'email');
    else if (inputType === 'tel') whole.set(name, 'phone');
    else if (type !== 'comment' && (type !== 'text' || (inputType ?? 'text') !== 'text')) closed.add(name);
  }
  return {
    whole,
    closed,
    read: new Set(intelligence?.text ?? compiled.texts),
    fields: new Map((intelligence?.extract?.fields ?? []).map(({ name, type }) => [name, type])),
  };
}

/**
 * The response without what says who sent it. It fails closed: a free text without tags is masked whole, and of what was understood only that is kept which
 * is known here to be harmless. Left out: the drafted reply, the metadata, and the hashes of texts, which are short enough to be guessed.
 */
export function maskResponse(response: KeptResponse, plan: MaskPlan | undefined): KeptResponse {
  const { understanding, review } = response;
  return {
    ...response,
    answers: Object.fromEntries(
      Object.entries(response.answers).map(([name, value]) => [name, maskAnswer(name, value, understanding, plan)]),
    ),
    metadata: undefined,
    understanding: understanding && maskUnderstanding(understanding, plan),
    review: review && maskReview(review, plan),
  };
}

function maskAnswer(
  name: string,
  value: Json,
  understanding: Understanding | undefined,
  plan: MaskPlan | undefined,
): Json {
  const kind = plan?.whole.get(name);
  if (kind) return written[kind];
  if (typeof value !== 'string' || plan?.closed.has(name)) return value;
  if (!plan?.read.has(name) || !understanding?.personal) return value.trim() === '' ? value : notRead;
  return maskText(
    value,
    understanding.personal.filter(({ question }) => question === name),
  );
}

/** The text with each span replaced by its kind. Spans that overlap are one; one that does not fit the text masks it whole. */
export function maskText(text: string, spans: readonly PersonalSpan[]): string {
  let masked = '';
  let from = 0;
  for (const { kind, start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    if (start < 0 || end < start || end > text.length) return notRead;
    if (end <= from) continue;
    if (start >= from) masked += text.slice(from, start) + written[kind];
    from = end;
  }
  return masked + text.slice(from);
}

function maskUnderstanding(understanding: Understanding, plan: MaskPlan | undefined): Understanding {
  const { language, classify, extract, skipped, trail, personal } = understanding;
  return {
    language,
    classify: classify && { ...classify, provenance: withoutHash(classify.provenance) },
    extract: extract && {
      fields: Object.fromEntries(
        Object.entries(extract.fields).map(([name, field]) => [name, maskField(name, field, personal, plan)]),
      ),
      provenance: withoutHash(extract.provenance),
      tagger: extract.tagger && { ...withoutHash(extract.tagger), dropped: extract.tagger.dropped },
      llm: extract.llm && { ...withoutHash(extract.llm), dropped: extract.llm.dropped },
    },
    skipped,
    trail,
    personal,
  };
}

const withoutHash = ({ tier, model, modelSha256, milliseconds, at }: Provenance): Provenance => ({
  tier,
  model,
  modelSha256,
  inputSha256: '',
  milliseconds,
  at,
});

/** By its type, and by the tags where it stands: a text may hold an address. Without tags there is no knowing. */
function maskField(
  name: string,
  field: ExtractedField,
  personal: Understanding['personal'],
  plan: MaskPlan | undefined,
): ExtractedField {
  const tag = personal?.find(
    ({ question, start, end }) => question === field.question && start < field.end && field.start < end,
  );
  const kind = kindOfField[plan?.fields.get(name) ?? 'text'] ?? tag?.kind;
  if (kind) return { ...field, value: written[kind], source: written[kind] };
  return personal && plan?.fields.has(name) ? field : { ...field, value: notRead, source: notRead };
}

/** A person's words have no tags: those of a field that may be any text are masked whole. */
function maskReview({ label, fields, by, at }: Review, plan: MaskPlan | undefined): Review {
  const masked = (name: string, value: string): string => {
    const type = plan?.fields.get(name) ?? 'text';
    const kind = kindOfField[type];
    return value === '' ? value : kind ? written[kind] : type === 'text' ? notRead : value;
  };
  return {
    ...(label !== undefined && { label }),
    ...(fields && {
      fields: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, masked(name, value)])),
    }),
    by,
    at,
  };
}
