import { tableText } from '../table.ts';
import type { Understood } from './report.ts';

/* What each tier did for each part, from what the responses themselves say of it. */

type Part = 'classify' | 'extract' | 'respond';

/** Outcomes of a tier that was not asked. */
const notAsked = new Set(['not-needed', 'no-model', 'no-gain', 'not-measured', 'no-trained-head', 'head-missing']);
const order: Record<Part, string[]> = {
  classify: ['head', 'embedding', 'llm'],
  extract: ['rules', 'tagger', 'llm'],
  respond: ['template', 'llm'],
};

type Counted = { asked: number; answered: number; times: number[]; others: Map<string, number> };

/** A row for each part and tier: how many responses it was asked about, what it answered, and why not. Times are those of the answers that were kept. */
export function tierTable(responses: readonly Understood[]): string {
  const counted = new Map<string, Counted>();
  for (const response of responses) count(counted, response);
  const rows = (Object.keys(order) as Part[]).flatMap((part) =>
    order[part].flatMap((tier) => {
      const found = counted.get(`${part} ${tier}`);
      return found ? [rowOf(part, tier, found)] : [];
    }),
  );
  return tableText([['part', 'tier', 'asked', 'answered', 'share', 'p50 ms', 'else'], ...rows], [2, 3, 4, 5]);
}

function count(counted: Map<string, Counted>, { intelligence }: Understood): void {
  for (const { part, tier, outcome } of intelligence?.trail ?? []) {
    const key = `${part} ${tier}`;
    const row: Counted = counted.get(key) ?? { asked: 0, answered: 0, times: [], others: new Map() };
    counted.set(key, row);
    if (!notAsked.has(outcome)) row.asked += 1;
    if (outcome === 'answered') {
      row.answered += 1;
      const took = milliseconds(intelligence!, part, tier);
      if (took !== undefined) row.times.push(took);
    } else row.others.set(outcome, (row.others.get(outcome) ?? 0) + 1);
  }
}

/** Of the answer that was kept; what another tier has replaced is not known any more. */
function milliseconds(
  { classify, extract, respond }: NonNullable<Understood['intelligence']>,
  part: Part,
  tier: string,
): number | undefined {
  if (part === 'classify') return classify?.tier === tier ? classify.provenance?.milliseconds : undefined;
  if (part === 'respond') return respond?.tier === tier ? respond.provenance?.milliseconds : undefined;
  const by = { rules: extract?.provenance, tagger: extract?.tagger, llm: extract?.llm }[tier];
  return by?.milliseconds;
}

function rowOf(part: Part, tier: string, { asked, answered, times, others }: Counted): string[] {
  const sorted = times.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return [
    part,
    tier,
    String(asked),
    String(answered),
    asked === 0 ? '-' : `${Math.round((100 * answered) / asked)} %`,
    middle === undefined ? '-' : middle < 10 ? middle.toFixed(1) : String(Math.round(middle)),
    [...others].map(([outcome, times]) => `${outcome} ${times}`).join(', '),
  ];
}

/** One field and one draft of the language model, with where they come from; of the cheaper tiers where it gave none. */
export function showProvenance(responses: readonly Understood[]): string[] {
  const fields = responses.flatMap(({ intelligence }) =>
    Object.entries(intelligence?.extract?.fields ?? {}).map(([name, field]) => ({
      name,
      field,
      by: field.tier === 'llm' ? intelligence?.extract?.llm : intelligence?.extract?.provenance,
    })),
  );
  const field = fields.find((one) => one.field.tier === 'llm') ?? fields[0];
  const drafts = responses.flatMap(({ intelligence }) => intelligence?.respond ?? []);
  const draft = drafts.find(({ tier }) => tier === 'llm') ?? drafts[0];
  const lines: string[] = [];
  if (field) {
    const { value, source, question, start, end, tier } = field.field;
    lines.push(
      `  a field  ${field.name} = ${value}: “${source}”, characters ${start} to ${end} of ${question} (${tier})`,
      `           ${sourceOf(field.by)}`,
    );
  }
  if (draft) lines.push(`  a draft  ${draft.text}`, `           ${sourceOf(draft.provenance)}`);
  return lines;
}

type By = NonNullable<NonNullable<Understood['intelligence']>['respond']>['provenance'];

function sourceOf(by: By): string {
  if (!by) return '';
  const { model, model_sha256, prompt, seed, tokens, milliseconds } = by;
  return [
    `by ${model}${model_sha256 ? ` (sha256 ${model_sha256.slice(0, 12)}…)` : ''}`,
    ...(prompt === undefined ? [] : [`prompt ${prompt}`]),
    ...(seed === undefined ? [] : [`seed ${seed}`]),
    ...(tokens === undefined
      ? []
      : [`${tokens.prompt} tokens read, ${tokens.reused} of them before, ${tokens.answer} written`]),
    `${Math.round(milliseconds)} ms`,
  ].join(', ');
}
