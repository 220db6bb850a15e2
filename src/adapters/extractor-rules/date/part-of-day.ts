import { alternation, byTongue, type Tongue, type WordLists } from '../text/word-lists.ts';

/** Words that say which half of the day an hour belongs to. */
export type Part = 'morning' | 'midday' | 'afternoon' | 'evening' | 'night';

const WORDS: Record<Part, WordLists> = {
  morning: {
    en: 'in the morning, this morning, mornings?, breakfast',
    de: 'morgens, fruh, vormittags?, fruhstuck(?:en)?, (?:am|diesen|heute) morgen, (?:mon|diens|donners|frei|sams|sonn)tag ?morgen, mittwoch ?morgen',
    fr: 'du matin, matin, petit[- ]dejeuner, matinee',
    es: '(?:de|por) la manana, desayun(?:o|ar)',
    it: 'mattin[oa], di mattina, ~colazione',
    pt: '(?:da|pela) manha, pequeno[- ]almoco, cafe da manha',
    nl: "'s ochtends, ochtend, ontbijt",
  },
  midday: {
    en: 'lunch(?:time)?, brunch',
    de: 'mittags?, mittagessen, mittagstisch, (?:mon|diens|donners|frei|sams|sonn)tagmittag',
    fr: 'dejeuner',
    es: '~comida, ~almuerzo, almorzar',
    it: 'pranzo',
    pt: 'almoco',
    nl: 'lunch',
  },
  afternoon: {
    en: 'in the afternoon, afternoons?',
    de: '(?:(?:mon|diens|donners|frei|sams|sonn)tag)?nachmittags?',
    fr: "(?:de )?l'apres-midi, apres-midi",
    es: 'de la tarde, ~tarde, tardes?',
    it: 'pomeriggio',
    pt: '(?:da|a) tarde',
    nl: "'s middags, namiddag",
  },
  evening: {
    en: 'in the evening, this evening, evenings?, dinner, supper',
    de: '(?:mon|diens|donners|frei|sams|sonn)tagabend, abends, abend, abendessen',
    fr: 'du soir, ce soir, soir, soiree, ~diner',
    es: 'cenar?',
    it: '~sera, stasera, cena',
    pt: 'jantar',
    nl: "'s avonds, vanavond, avond, avondeten",
  },
  night: {
    en: 'at night, tonight, nights?, last night',
    de: 'nachts, nacht',
    fr: 'de la nuit, nuit',
    es: 'de la noche, esta noche, noche',
    it: 'di notte, notte',
    pt: '(?:da|a) noite, esta noite, noite',
    nl: "'s nachts, nacht",
  },
};
const PARTS = Object.keys(WORDS) as Part[];

/** Greetings name a part of the day that nobody meant. */
const GREETING =
  /(?:good|guten|schonen|goed[ea]n?|bonne|bon|buen[oa]s?|buon[ao]?|bo[am]s?|have a nice|have a good) ?(?:morning|afternoon|evening|night|morgen|abend|nacht|nachmittag|matin|soiree|journee|nuit|dias|tardes|noches|giorno|sera|pomeriggio|notte|tarde|noite|ochtend|middag|avond)/gu;
const COUNTED_NIGHTS = /(?:\d|one|two|three|four|five|six|seven|zwei|drei|ein|deux|trois|dos|tres) (?:nights?|nacht)/gu;

const patternFor = byTongue(
  (tongue) =>
    new RegExp(
      `(?<![\\p{L}\\p{N}])(?:${PARTS.map((part) => `(?<${part}>${alternation(WORDS[part], tongue)})`).join('|')})(?![\\p{L}\\p{N}])`,
      'gu',
    ),
);

/** What may stand right behind an hour: "7 in the evening", "8 abends". */
export const adjoiningPart = (tongue: Tongue): string =>
  alternation(
    {
      en: 'in the (?:morning|afternoon|evening), at night',
      de: 'morgens, (?:in der )?fruh, vormittags, mittags, nachmittags, abends, nachts',
      fr: "du matin, du soir, de l'apres-midi",
      es: 'de la (?:manana|tarde|noche)',
      it: 'di mattina, del mattino, del pomeriggio, di sera, della sera',
      pt: 'da (?:manha|tarde|noite)',
      nl: "'s (?:ochtends|middags|avonds|nachts)",
    },
    tongue,
  );

/** Where each part of the day is named in a folded text, in the words of `language`. */
export function findParts(text: string, language: string | undefined): { part: Part; start: number; end: number }[] {
  const blank = (word: string) => ' '.repeat(word.length);
  const meant = text.replace(GREETING, blank).replace(COUNTED_NIGHTS, blank);
  return [...meant.matchAll(patternFor(language))].map((match) => ({
    part: PARTS.find((part) => match.groups?.[part] !== undefined)!,
    start: match.index,
    end: match.index + match[0].length,
  }));
}

/** The hour (1–12 as said) on a clock of 24; undefined where the words contradict it ("lunch at 8", "12 in the evening"). */
export function hourIn(part: Part, hour: number): number | undefined {
  switch (part) {
    case 'morning':
      return hour === 12 ? undefined : hour;
    case 'midday':
      return hour >= 10 ? hour : hour <= 4 ? hour + 12 : undefined;
    case 'afternoon':
      return hour === 12 ? 12 : hour + 12;
    case 'evening':
      return hour === 12 ? undefined : hour + 12;
    case 'night':
      return hour === 12 ? 0 : hour >= 5 ? hour + 12 : hour;
  }
}
