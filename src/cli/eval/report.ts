import type { Evaluation } from '#app/insight/evaluation.ts';
import { headBesideModel, type WhoseScore } from '#app/insight/verdicts.ts';
import { tableText } from '../table.ts';

const percent = (share: number | undefined): string => (share === undefined ? '-' : `${(share * 100).toFixed(1)} %`);
const score = (share: number | undefined): string => (share === undefined ? '-' : share.toFixed(3));
const ms = (milliseconds: number): string => (milliseconds < 10 ? milliseconds.toFixed(2) : milliseconds.toFixed(0));

/** An evaluation for a terminal. */
export function evaluationText(evaluation: Evaluation): string {
  return [
    headline(evaluation),
    evaluation.verdicts.length > 0 && labelsTable(evaluation.verdicts),
    ...detailed(evaluation.verdicts).flatMap((verdict) => [curveTable(verdict), worstTable(verdict)]),
    evaluation.fields.length > 0 && fieldsTable(evaluation),
    evaluation.latency.length > 0 && latencyTable(evaluation),
    unansweredLine(evaluation),
  ]
    .filter((section) => typeof section === 'string')
    .join('\n\n');
}

function headline({ form, source, texts, leftOut, head, model }: Evaluation): string {
  const from = source === 'file' ? `${texts} texts of the file` : `${texts} reviewed responses`;
  const left =
    leftOut === 0
      ? ''
      : `; ${leftOut} left out, which were read again after their review and may have been learnt from`;
  const learnt = head
    ? `head ${head.sha256.slice(0, 12)}, ${head.examples} examples, answers from ${head.threshold.toFixed(2)} on`
    : 'no trained head';
  const asked =
    source === 'reviews'
      ? 'nothing was asked again'
      : model
        ? `language model ${model.name} (${model.sha256.slice(0, 12)})`
        : 'no language model';
  return `${form.slug}, version ${form.version}: ${from}${left}\n${learnt}; ${asked}`;
}

function labelsTable(verdicts: WhoseScore[]): string {
  const head = ['labels', 'texts', 'accuracy', 'macro-F1', 'calibration error', 'answered', 'right of these'];
  const rows = verdicts.map((one) => [
    one.whose,
    String(one.texts),
    percent(one.accuracy),
    score(one.macroF1),
    percent(one.calibrationError),
    percent(one.standing?.share),
    percent(one.standing?.accuracy),
  ]);
  return tableText([head, ...rows], [1, 2, 3, 4, 5, 6]);
}

/** Those that a table of their own adds something to: without a language model the cascade is the head. */
function detailed(verdicts: WhoseScore[]): WhoseScore[] {
  const alone = verdicts.length <= 2;
  return verdicts.filter(({ whose }) => whose !== headBesideModel && !(whose === 'cascade' && alone));
}

function curveTable({ whose, curve }: WhoseScore): string {
  const rows = [
    [`if ${whose} answered from …`, ...curve.map(({ threshold }) => threshold.toFixed(2))],
    ['answered', ...curve.map(({ answered }) => percent(answered))],
    ['right of these', ...curve.map(({ accuracy }) => percent(accuracy))],
  ];
  return tableText(
    rows,
    curve.map((_, i) => i + 1),
  );
}

function worstTable({ whose, worst }: WhoseScore): string {
  const rows = worst.map((one) => [
    one.label ?? '(none of them)',
    String(one.texts),
    String(one.said),
    score(one.precision),
    score(one.recall),
    score(one.f1),
  ]);
  return tableText(
    [[`${whose}, worst labels`, 'texts', 'said', 'precision', 'recall', 'F1'], ...rows],
    [1, 2, 3, 4, 5],
  );
}

function fieldsTable({ source, fields, droppedValues }: Evaluation): string {
  // Of a single tier that was asked about every text, `all` says the same again.
  const alone = source === 'file' && new Set(fields.map(({ tier }) => tier)).size === 2;
  const shown = fields.filter(({ tier }) => !(alone && tier === 'all'));
  const rows = shown.map((one) => [
    one.field,
    one.tier,
    String(one.texts),
    String(one.wanted),
    String(one.found),
    score(one.precision),
    score(one.recall),
    score(one.f1),
  ]);
  const head = ['field', 'tier', 'asked', 'there', 'found', 'precision', 'recall', 'F1'];
  const table = tableText([head, ...rows], [2, 3, 4, 5, 6, 7]);
  return droppedValues === 0 ? table : `${table}\n${droppedValues} values were named and do not stand in the text`;
}

function latencyTable({ latency }: Evaluation): string {
  const rows = latency.map((one) => [one.part, one.tier, String(one.answers), ms(one.p50), ms(one.p95), ms(one.max)]);
  return tableText([['milliseconds', 'tier', 'answers', 'p50', 'p95', 'most'], ...rows], [2, 3, 4, 5]);
}

function unansweredLine({ unanswered }: Evaluation): string | undefined {
  const entries = Object.entries(unanswered);
  if (entries.length === 0) return undefined;
  return `the language model gave no answer: ${entries.map(([why, count]) => `${why} ${count} times`).join(', ')}`;
}
