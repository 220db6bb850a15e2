import { keyOf, type Live } from './forms.ts';
import { printResponse, type Understood } from './report.ts';
import type { Sent } from './senders.ts';

/* What became of the texts, held against what the examples say of them. */

type Sents = Map<string, Sent>;
type Responses = Map<string, Understood>;

const called: Record<string, string> = {
  head: 'the head',
  embedding: 'embeddings',
  llm: 'the language model',
  rules: 'rules',
  tagger: 'the tagger',
};

/** How many were answered by which tier. */
export function understandingLine(responses: Responses): string {
  const all = [...responses.values()].flatMap(({ intelligence }) => intelligence ?? []);
  const labels = all.flatMap(({ classify }) => classify ?? []);
  const answered = labels.filter(({ needs_review }) => !needs_review).map(({ tier }) => tier);
  const fields = all.flatMap(({ extract }) => Object.values(extract?.fields ?? {})).map(({ tier }) => tier);
  const review = labels.length - answered.length;
  return [
    ...byTier(answered, 'labels', 'head'),
    `${review} left for review`,
    ...byTier(fields, 'fields', 'rules'),
  ].join(', ');
}

/** `first` is told where it has none, too. */
function byTier(tiers: string[], what: string, first: string): string[] {
  return [...new Set([first, ...tiers])].map(
    (tier) => `${tiers.filter((one) => one === tier).length} ${what} by ${called[tier] ?? tier}`,
  );
}

/** Accuracy against the examples' own labels, over what the head answered and over everything. */
export function accuracyLine(form: Live, sent: Sents, responses: Responses): string {
  let right = 0;
  let answered = 0;
  let rightAnswered = 0;
  let fields = 0;
  let fieldsRight = 0;
  form.responses.forEach(({ expect }, i) => {
    const found = responses.get(sent.get(keyOf(form, i))?.responseId ?? '')?.intelligence;
    const ok = found?.classify !== undefined && found.classify.label === (expect.label ?? null);
    right += ok ? 1 : 0;
    if (found?.classify && !found.classify.needs_review) {
      answered += 1;
      rightAnswered += ok ? 1 : 0;
    }
    for (const [name, value] of Object.entries(expect.fields ?? {})) {
      fields += 1;
      fieldsRight += found?.extract?.fields[name]?.value === value ? 1 : 0;
    }
  });
  const percent = (part: number, whole: number) => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
  return `labels right ${percent(right, form.responses.length)}, of the ${answered} answered ${percent(rightAnswered, answered)}; fields ${fieldsRight} of ${fields}`;
}

/** One response of the form in which much was found. */
export function showOne(form: Live, sent: Sents, responses: Responses): void {
  const all = form.responses.flatMap((_response, i) => responses.get(sent.get(keyOf(form, i))?.responseId ?? '') ?? []);
  const richness = ({ intelligence, answers }: Understood) =>
    Object.keys(intelligence?.extract?.fields ?? {}).length * 10 +
    (intelligence?.classify?.label && !intelligence.classify.needs_review ? 5 : 0) -
    String(answers[form.textQuestion] ?? '').length / 100;
  const best = all.toSorted((a, b) => richness(b) - richness(a))[0];
  if (best) printResponse(form.form.title, String(best.answers[form.textQuestion] ?? ''), best);
}
