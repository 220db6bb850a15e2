import { entriesFor, type Tongue, type WordLists } from '../text/word-lists.ts';

/** The hours one to twelve in their order, marked as in every word list. */
const HOURS: WordLists = {
  en: 'one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve',
  de: 'eins, zwei, drei, vier, funf, sechs, sieben, acht, neun, zehn, ~elf, zwolf',
  fr: '~une, ~deux, trois, quatre, cinq, six, ~sept, huit, ~neuf, ~dix, ~onze, douze',
  es: '~una, ~dos, ~tres, cuatro, cinco, seis, siete, ocho, nueve, diez, ~once, ~doce',
  it: '~una, ~due, ~tre, quattro, cinque, ~sei, sette, ~otto, nove, dieci, undici, dodici',
  pt: '~uma, ~duas, ~tres, quatro, cinco, seis, sete, oito, nove, dez, ~onze, ~doze',
  nl: '~een, twee, drie, vier, vijf, zes, zeven, acht, negen, ~tien, ~elf, twaalf',
};

const OTHER_MINUTES: [string, number][] = [
  ['twenty', 20],
  ['twenty-five', 25],
  ['twenty five', 25],
  ['zwanzig', 20],
  ['vingt', 20],
  ['vingt-cinq', 25],
  ['veinte', 20],
  ['veinticinco', 25],
  ['half', 30],
  ['half an hour', 30],
  ['quarter', 15],
  ['a quarter', 15],
  ['viertel', 15],
  ['quart', 15],
  ['le quart', 15],
  ['et quart', 15],
  ['et demie', 30],
  ['et demi', 30],
  ['media', 30],
  ['cuarto', 15],
  ['kwart', 15],
];

const OTHER_AMOUNTS: [string, number][] = [
  ['fifteen', 15],
  ['twenty', 20],
  ['thirty', 30],
  ['forty', 40],
  ['forty-five', 45],
  ['zwanzig', 20],
  ['dreissig', 30],
  ['trente', 30],
  ['treinta', 30],
];

/** The words for hours that count in a text of this language; the place in its list is the hour, so marks and all are numbered first. */
export function hoursFor(tongue: Tongue): Map<string, number> {
  const hours = new Map<string, number>();
  for (const { word, from } of entriesFor(HOURS, tongue)) {
    const place = HOURS[from]!.split(', ').findIndex((own) => own.replace(/^~/, '') === word);
    hours.set(word, place + 1);
  }
  return hours;
}

export const minutesFor = (tongue: Tongue): Map<string, number> => new Map([...hoursFor(tongue), ...OTHER_MINUTES]);
/** Amounts of hours or minutes in a delay. */
export const amountsFor = (tongue: Tongue): Map<string, number> => new Map([...hoursFor(tongue), ...OTHER_AMOUNTS]);

/** Digits or one of the words. */
export const numeral = (words: Map<string, number>, digits: string): string =>
  `(?:${[digits, ...[...words.keys()].sort((a, b) => b.length - a.length)].join('|')})`;

export const countOf = (word: string | undefined, words: Map<string, number>): number | undefined =>
  word === undefined ? undefined : /^\d/.test(word) ? Number(word) : words.get(word);
