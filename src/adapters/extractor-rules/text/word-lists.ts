/**
 * Words by language, separated by commas; each may be a piece of a regular expression over folded text. `~` before a word says that it means
 * something else in another language or in everyday speech ("once" is eleven in Spanish, "alle" is "at" in Italian and "all" in German):
 * it counts only in a text that is known to be in its language.
 */
export type WordLists = Partial<Record<Language, string>>;

export const LANGUAGES = ['en', 'de', 'fr', 'es', 'it', 'pt', 'nl'] as const;
export type Language = (typeof LANGUAGES)[number];
/** `other` is known and has no lists here; `unknown` was neither given nor told by the detector. */
export type Tongue = Language | 'other' | 'unknown';

export function tongueOf(language: string | undefined): Tongue {
  if (language === undefined) return 'unknown';
  return LANGUAGES.find((own) => own === language) ?? 'other';
}

/**
 * The words that count in a text of this language, with the language each came from: all of its own; besides, the unmarked English ones, since
 * short English is taken for other languages (33 of 2,227 restaurant8k texts); where the language is unknown, the unmarked ones of all.
 */
export function entriesFor(lists: WordLists, tongue: Tongue): { word: string; from: Language }[] {
  return LANGUAGES.flatMap((from) => {
    const words = (lists[from] ?? '').split(/, ?/).filter(Boolean);
    if (from === tongue) return words.map((word) => ({ word: word.replace(/^~/, ''), from }));
    if (from !== 'en' && tongue !== 'unknown') return [];
    return words.filter((word) => !word.startsWith('~')).map((word) => ({ word, from }));
  });
}

/** An alternation of those words, the longest first; one that never matches when there are none. */
export function alternation(lists: WordLists, tongue: Tongue): string {
  const words = [...new Set(entriesFor(lists, tongue).map(({ word }) => word))].sort((a, b) => b.length - a.length);
  return words.length === 0 ? '(?:(?!))' : `(?:${words.join('|')})`;
}

/** One value for each language and for a text of an unknown one, made once. */
export function byTongue<T>(make: (tongue: Tongue) => T): (language: string | undefined) => T {
  const made = new Map<Tongue, T>(
    ([...LANGUAGES, 'other', 'unknown'] as const).map((tongue) => [tongue, make(tongue)]),
  );
  return (language) => made.get(tongueOf(language))!;
}
