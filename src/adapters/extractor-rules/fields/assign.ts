import type { FoldedText } from '../text/folded-text.ts';
import type { Found } from '../text/found.ts';
import { type Hints, sameWord } from './hints.ts';

/** A value with its place in the folded text too, where the words around it are looked up. */
export type Candidate = Found & { foldedStart: number; foldedEnd: number };

export function toCandidates(found: Found[], folded: FoldedText): Candidate[] {
  return found.map((value) => ({
    ...value,
    foldedStart: folded.toFolded(value.start),
    foldedEnd: folded.toFolded(value.end),
  }));
}

const WINDOW = 40;
/** More values of one type than this are a table, not an answer; the first ones are looked at. */
const MAX_CANDIDATES = 200;

function wordsOf(text: string): string[] {
  return text.split(/[^\p{L}\p{N}-]+/u).filter(Boolean);
}

/** 0 when no word of the field is near the value. */
export function nearness(candidate: Candidate, previousEnd: number, text: string, hints: Hints): number {
  if (hints.words.size === 0) return 0;
  const matches = (word: string) => [...hints.words].some((own) => sameWord(own, word));
  const from = Math.max(candidate.foldedStart - WINDOW, previousEnd, 0);
  const lead = wordsOf(text.slice(from, candidate.foldedStart).replace(/^.*[.!?\n] /s, '')).reverse();
  const before = lead.findIndex(matches);
  const tail = wordsOf(text.slice(candidate.foldedEnd, candidate.foldedEnd + 24).split(/[.!?\n,;]/)[0] ?? '').slice(
    0,
    3,
  );
  const after = tail.findIndex(matches);
  // Two dates share one span in a range: the second is the one "until" and "departure" ask for.
  const range = candidate.rangeEnd === undefined ? 0 : hints.words.has('until') ? 50 : 0;
  return Math.max(before < 0 ? 0 : 100 - before, after < 0 ? 0 : 90 - 5 * after, range);
}

const NEGATED =
  /(?:^|[^\p{L}])(?:not|isn't|wasn't|nicht|kein|keine|keinen|pas|no es|[ye] no|e non|sino|instead of|rather than|statt|anstatt|au lieu de|en vez de)(?: (?:on|at|for|in|the|a|am|um|fur|le|el|les|las|de|des|du|une?|to|until))? $/u;
const CHANGE =
  '(?:chang|chnag|mov|switch|reschedul|shift|postpon|updat|alter|verschieb|schieb|verleg|ander|umbuch|deplac|reporte|cambi|aplaz)\\p{L}*';
const MOVED_FROM = new RegExp(`${CHANGE}[^.!?\\n]* (?:from|von|vom|de|du|desde|del) (?:the )?(?:on |at )?$`, 'u');
const MOVED_TO = new RegExp(
  `${CHANGE}[^.!?\\n]{0,40} (?:to|auf|au|al|para|pour)(?: (?:the|den|le|el|be|on|just|a))? $`,
  'u',
);

/** German puts the verb last: "auf den 6. Februar verlegen". */
const MOVED_ONTO = / (?:auf|zu[mr]?) (?:den |die |das )?$/u;
const VERB_LAST = new RegExp(`^[^.!?\\n]{0,24} (?:zu )?${CHANGE}`, 'u');
/** "Our table was for 7 …" and later "… but could it be 8": what was agreed, and the turn to what is wanted. */
const AGREED =
  /(?<!\p{L})(?:booked|reserved|(?:booking|reservation|table) (?:for|of|is|at)|(?:reservierung|tisch|buchung) (?:fur|um|am)|reservation pour|reserva para|was|were|had|originally|war|waren|hatten?|gebucht|reserviert|ursprunglich|bisher|etait|etions|avions|avais|avait|estaba|eramos|era|habia(?:mos)?|tenia(?:mos)?)(?: [^\s.!?;]+){0,6} $/u;
const TURN =
  /(?<!\p{L})(?:but|now|so|instead|actually|finally|could|can|would|please (?:make|change)|make it|aber|jetzt|nun|doch|konnten?|konnte|ware|waren es|sondern|stattdessen|mais|maintenant|finalement|pourr\p{L}+|serait|pero|ahora|al final|finalmente|podr\p{L}+|seria)(?!\p{L})/u;
/** "aus vier werden zwei" */
const BECOMES = /^ (?:wird|werden|wurden?)(?!\p{L})/u;

function isReplaced(candidate: Candidate, later: Candidate[], text: string): boolean {
  if (candidate.rangeEnd) return false;
  const lead = leadOf(candidate, text);
  if (lead.endsWith('aus ') && BECOMES.test(text.slice(candidate.foldedEnd, candidate.foldedEnd + 8))) return true;
  if (!AGREED.test(lead.replace(/^.*[.!?\n] /s, ''))) return false;
  const next = later.find((other) => !other.rangeEnd && !other.weak && other.foldedStart >= candidate.foldedEnd);
  return (
    next !== undefined &&
    TURN.test(text.slice(candidate.foldedEnd, Math.min(next.foldedStart, candidate.foldedEnd + 160)))
  );
}

function isMovedTo(candidate: Candidate, text: string): boolean {
  const lead = leadOf(candidate, text);
  if (MOVED_TO.test(lead)) return true;
  return MOVED_ONTO.test(lead) && VERB_LAST.test(text.slice(candidate.foldedEnd, candidate.foldedEnd + 48));
}

const leadOf = (candidate: Candidate, text: string) =>
  text.slice(Math.max(0, candidate.foldedStart - 60), candidate.foldedStart);

/** "not Monday", "nicht am Montag"; and the first half of "move it from Monday to Friday", which may be one range with a shared span. */
function isTakenBack(candidate: Candidate, next: Candidate | undefined, text: string): boolean {
  const lead = leadOf(candidate, text);
  if (NEGATED.test(lead)) return true;
  if (candidate.rangeEnd || !MOVED_FROM.test(lead)) return false;
  const behind = text.slice(candidate.foldedEnd, candidate.foldedEnd + 40).split(/[.!?\n]/)[0]!;
  return next?.rangeEnd === true || / (?:to|auf|zu|nach|au|a|al|para|pour) /u.test(behind);
}

/**
 * Hands values of one type to the fields of that type.
 *
 * 1. A pair of field and value scores when a word of the field (its name, its description, synonyms of roles such as arrival and departure) stands
 *    in the words before the value, up to the value before it: the nearer the better; a little less when it stands right behind.
 *    The best pairs are taken first.
 * 2. Fields left over get the values left over, both in their order: the first field the first value in the text.
 * 3. A value that the text takes back ("not Monday", "from Monday" in "change it from Monday to Friday") is not used. Nor is, with one field of the
 *    type, what was agreed before ("booked for two, but now …"), and anything else beside what a correction asks for ("change that to Friday");
 *    what is only half said (see `Found.weak`) is used where nothing plain fits the field.
 */
export function assign<Field extends { hints: Hints }>(
  fields: Field[],
  candidates: Candidate[],
  text: string,
  score: Score<Field>,
): Map<Field, Candidate> {
  const looked = candidates.slice(0, MAX_CANDIDATES);
  const meant = looked.filter((candidate, index) => !isTakenBack(candidate, looked[index + 1], text));
  if (fields.length !== 1) return choose(fields, meant, score);
  const current = meant.filter((candidate, index) => !isReplaced(candidate, meant.slice(index + 1, index + 4), text));
  const plain = current.filter((candidate) => candidate.weak !== true);
  const corrections = current.filter((candidate) => isMovedTo(candidate, text));
  // "switch my booking for one to 2": the 1 is old even where nothing says that the 2 counts people.
  if (corrections.length > 0) return choose(fields, corrections, score);
  const chosen = choose(fields, plain, score);
  return chosen.size > 0 ? chosen : choose(fields, current, score);
}

type Score<Field> = (field: Field, candidate: Candidate, previousEnd: number) => number | undefined;

/** The best pairs of field and value first; each field and each value once. */
function choose<Field extends { hints: Hints }>(
  fields: Field[],
  usable: Candidate[],
  score: Score<Field>,
): Map<Field, Candidate> {
  const pairs: { field: Field; order: number; index: number; candidate: Candidate; score: number }[] = [];
  for (const [order, field] of fields.entries()) {
    for (const [index, candidate] of usable.entries()) {
      let previous = index - 1;
      while (previous >= 0 && usable[previous]!.start === candidate.start) previous -= 1;
      const value = score(field, candidate, previous < 0 ? 0 : usable[previous]!.foldedEnd);
      if (value !== undefined) pairs.push({ field, order, index, candidate, score: value });
    }
  }
  // Stable sort: equal scores keep the order of fields, then of the text.
  pairs.sort((a, b) => b.score - a.score || a.order - b.order || a.index - b.index);
  const chosen = new Map<Field, Candidate>();
  const used = new Set<Candidate>();
  for (const { field, candidate } of pairs) {
    if (chosen.has(field) || used.has(candidate)) continue;
    chosen.set(field, candidate);
    used.add(candidate);
  }
  return chosen;
}
