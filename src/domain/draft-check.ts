import { hasControlToken, visibleText } from './untrusted-text.ts';

export type DraftRefusal =
  | 'empty'
  | 'too-long'
  | 'control-token'
  | 'markup'
  | 'foreign-contact'
  | 'scaffolding'
  | 'canary'
  | 'code';

export type DraftRules = {
  /** The form's own: an address or a phone number is allowed where it stands here. */
  instructions: string;
  maxWords: number;
  /** The prompt's own sentences and marks, without instructions and response. Six words of it in a row, or a whole shorter piece, are too many. */
  scaffolding?: readonly string[];
  /** Words that only the prompt knows. */
  canaries?: readonly string[];
  /** The message that is answered, as the model saw it. */
  message?: string;
};

const markup = [
  /<\/?[a-z!][^>]*>/i,
  /<!--|-->/,
  /!?\[[^\]]*\]\s?[([]/,
  /^\s*\[[^\]]+\]:/m,
  /`{3}|~{3}/,
  /&(?:#\d+|#x[\da-f]+|[a-z]{2,20});/i,
  /^\s*\|.*\|\s*$/m,
];
const scaffoldWords = 6;

/**
 * A drafted reply before it is kept: plain text, at most `maxWords` words (cut behind a sentence), and no way to anywhere that the form's author did not name.
 * In doubt it is refused, since there is always the template. A refused draft is not repaired: whoever wrote it did not do what it was asked. Errors: none.
 */
export function checkDraft(draft: string, rules: DraftRules): { text: string } | { refused: DraftRefusal } {
  if (hasControlToken(visibleText(draft))) return { refused: 'control-token' };
  const plain = withoutEmphasis(visibleText(draft));
  if (!/[\p{L}\p{N}]/u.test(plain)) return { refused: 'empty' };
  if (markup.some((pattern) => pattern.test(plain))) return { refused: 'markup' };
  // What was said is judged as a whole: a cut must not hide that the model was led astray.
  if (rules.canaries?.some((canary) => mentions(plain, canary))) return { refused: 'canary' };
  // Order numbers are lost with them; but a word that means nothing in itself is how a stranger makes a reply say what he wants, and how a prompt gets out.
  const codes = [...codesIn(rules.message ?? ''), ...codesIn(withoutAddresses(rules.instructions))];
  if (codes.some((code) => mentions(plain, code))) return { refused: 'code' };
  if (quotes(plain, rules.scaffolding ?? [])) return { refused: 'scaffolding' };
  const allowed = contactsIn(rules.instructions);
  for (const contact of contactsIn(plain)) if (!allowed.has(contact)) return { refused: 'foreign-contact' };
  const text = firstSentences(plain, rules.maxWords);
  return text === undefined ? { refused: 'too-long' } : { text };
}

/** Whether the text says the word, whatever its case, and with whatever put between its letters. */
export function mentions(text: string, word: string): boolean {
  const compact = lettersOf(word);
  return compact !== '' && lettersOf(text).includes(compact);
}

const lettersOf = (text: string): string => wordsOf(visibleText(text)).join('');

function wordsOf(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
  );
}

/** `**so**` and `# headings` are harmless, and small models write them all the time. */
function withoutEmphasis(text: string): string {
  return text
    .replace(/(\*{1,3}|_{2,3})(?=\S)([^*_\n]+?)(?<=\S)\1/g, '$2')
    .replace(/^#{1,6} +/gm, '')
    .replace(/`([^`\n]+)`/g, '$1')
    .trim();
}

function quotes(draft: string, scaffolding: readonly string[]): boolean {
  const said = ` ${wordsOf(draft).join(' ')} `;
  return scaffolding.some((piece) => {
    const words = wordsOf(piece);
    if (words.length === 0) return piece.trim() !== '' && draft.includes(piece.trim());
    const length = Math.min(words.length, scaffoldWords);
    return words.some((_, from) => {
      const run = words.slice(from, from + length);
      return run.length === length && said.includes(` ${run.join(' ')} `);
    });
  });
}

const addresses = [
  // Anything with a scheme, hxxp:// too, and the ones that need no slashes.
  /\b[a-z][a-z0-9+.-]{1,20}:\/\/\S+/giu,
  /\b(?:mailto|javascript|data|tel|sms|file):\S+/giu,
  /\bwww\.\S+/giu,
  /[^\s@<>()"]{1,64}@[^\s@<>()"]+/gu,
  // example.com, example[.]com, example dot com
  /(?<![\p{L}\p{N}@])(?:[\p{L}\p{N}-]{2,63}(?:\.|\[\.\]|\(\.\)| dot ))+[a-z]{2,24}(?:\/\S*)?(?![\p{L}\p{N}])/giu,
  /(?<!\d)(?:\d{1,3}\.){3}\d{1,3}(?!\d)/g,
];
/** Seven digits or more; order numbers of that length are refused with them. */
const phone = /(?<![\p{L}\p{N}])[+(]{0,2}\d(?:[ ()./\u00a0-]{0,2}\d){6,17}(?![\p{L}\p{N}])/gu;
const day = /^(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4})$/;

/** URLs, e-mail addresses, host names and phone numbers in a form in which they can be compared. */
export function contactsIn(text: string): Set<string> {
  const plain = visibleText(text).normalize('NFKC');
  const found = new Set<string>();
  for (const pattern of addresses)
    for (const [match] of plain.matchAll(pattern))
      found.add(
        match
          .toLowerCase()
          .replace(/\[\.\]|\(\.\)| dot /g, '.')
          .replace(/[.,;:!?)\]}'"”’»]+$/u, ''),
      );
  for (const [match] of plain.matchAll(phone)) if (!day.test(match)) found.add(match.replace(/\D/g, ''));
  return found;
}

function withoutAddresses(text: string): string {
  return addresses.reduce((rest, pattern) => rest.replace(pattern, ' '), text);
}

const codeWord = /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{N}_-]{5,}/gu;

/**
 * Words that are made and not spoken, such as order numbers, passwords and coupons: five signs or more, two of them letters, and a digit behind a letter. Scripts
 * that put no blanks between words are no part of them.
 */
export function codesIn(text: string): Set<string> {
  const words = visibleText(text).match(codeWord) ?? [];
  return new Set(words.filter((word) => /\p{L}.*\p{N}/u.test(word) && /\p{L}.*\p{L}/u.test(word)));
}

/** Whole sentences of at most so many words; undefined where the first is longer. */
function firstSentences(text: string, maxWords: number): string | undefined {
  let words = 0;
  let end = 0;
  for (const { segment, index } of new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text)) {
    words += countWords(segment);
    if (words > maxWords) break;
    end = index + segment.length;
  }
  const kept = text.slice(0, end).trim();
  return kept === '' ? undefined : kept;
}

/** Also in languages that put no blanks between words; what stands between blanks counts too, a dash or an emoji. */
export function countWords(text: string): number {
  let words = 0;
  for (const { isWordLike } of new Intl.Segmenter('en', { granularity: 'word' }).segment(text))
    if (isWordLike) words += 1;
  return Math.max(words, text.split(/\s+/u).filter(Boolean).length);
}
