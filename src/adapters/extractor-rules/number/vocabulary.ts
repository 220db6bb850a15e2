/** Number words of a language, folded (lower case, no accents). German and Dutch compounds are taken apart by `words.ts`. */
export type NumberWords = {
  /** 0–99 that are one word, and in Spanish the hundreds. */
  simple: Map<string, number>;
  hundred: Set<string>;
  thousand: Set<string>;
  /** The word between hundreds and the rest (en), tens and units (fr, es), as in "two hundred and five". */
  and?: string;
  /** "zweiundzwanzig": units before tens in one word, joined by this. */
  compound?: string;
  /** Also articles or everyday words. */
  weak: Set<string>;
  /** Only numbers when the language of the text is known to be this one: "once" is eleven in Spanish. */
  ambiguous: Set<string>;
};

const TENS = [20, 30, 40, 50, 60, 70, 80, 90];

/** `from 0` in a row, then pairs `word=value`. */
function words(row: string, tens: string, more: Record<string, number> = {}): Map<string, number> {
  const simple = new Map<string, number>(row.split(' ').map((word, value) => [word, value]));
  for (const [index, word] of tens.split(' ').entries()) if (word !== '-') simple.set(word, TENS[index]!);
  for (const [word, value] of Object.entries(more)) simple.set(word, value);
  return simple;
}

const set = (list: string) => new Set(list.split(' ').filter(Boolean));

export const NUMBER_WORDS: Record<string, NumberWords> = {
  en: {
    simple: words(
      'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen',
      'twenty thirty forty fifty sixty seventy eighty ninety',
      { fourty: 40, dozen: 12 },
    ),
    hundred: set('hundred'),
    thousand: set('thousand'),
    and: 'and',
    weak: set('one dozen'),
    ambiguous: set(''),
  },
  de: {
    simple: words(
      'null eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn sechzehn siebzehn achtzehn neunzehn',
      'zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig',
      { ein: 1, eine: 1, einen: 1, einer: 1, zwo: 2, fuenf: 5, zwoelf: 12, fuenfzehn: 15, fuenfzig: 50 },
    ),
    hundred: set('hundert'),
    thousand: set('tausend'),
    compound: 'und',
    weak: set('ein eine einen einer null'),
    ambiguous: set('elf acht null ein eine einen einer'),
  },
  fr: {
    simple: words(
      'zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize',
      'vingt trente quarante cinquante soixante septante - nonante',
      { une: 1, huitante: 80, vingts: 20 },
    ),
    hundred: set('cent cents'),
    thousand: set('mille'),
    and: 'et',
    weak: set('un une neuf'),
    ambiguous: set('six sept dix onze cent cents un une neuf deux'),
  },
  es: {
    simple: words(
      'cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve',
      'veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa',
      {
        un: 1,
        una: 1,
        veintiun: 21,
        veintiuno: 21,
        veintiuna: 21,
        veintidos: 22,
        veintitres: 23,
        veinticuatro: 24,
        veinticinco: 25,
        veintiseis: 26,
        veintisiete: 27,
        veintiocho: 28,
        veintinueve: 29,
        cien: 100,
        ciento: 100,
        doscientos: 200,
        doscientas: 200,
        trescientos: 300,
        trescientas: 300,
        cuatrocientos: 400,
        quinientos: 500,
        seiscientos: 600,
        setecientos: 700,
        ochocientos: 800,
        novecientos: 900,
      },
    ),
    hundred: set(''),
    thousand: set('mil'),
    and: 'y',
    weak: set('un una uno'),
    ambiguous: set('once mil dos tres quince un una uno'),
  },
  it: {
    simple: words(
      'zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove',
      'venti trenta quaranta cinquanta sessanta settanta ottanta novanta',
      { un: 1, una: 1 },
    ),
    hundred: set('cento'),
    thousand: set('mille mila'),
    weak: set('un una uno sei'),
    ambiguous: set('due tre sei otto mille mila un una uno'),
  },
  pt: {
    simple: words(
      'zero um dois tres quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito dezenove',
      'vinte trinta quarenta cinquenta sessenta setenta oitenta noventa',
      { uma: 1, duas: 2 },
    ),
    hundred: set(''),
    thousand: set('mil'),
    and: 'e',
    weak: set('um uma'),
    ambiguous: set('mil um uma tres onze doze'),
  },
  nl: {
    simple: words(
      'nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien',
      'twintig dertig veertig vijftig zestig zeventig tachtig negentig',
    ),
    hundred: set('honderd'),
    thousand: set('duizend'),
    compound: 'en',
    weak: set('een nul'),
    ambiguous: set('elf acht tien een nul'),
  },
};

/** English words that are everyday words of languages without a vocabulary here ("ten" is "this" in Polish) or of Dutch. */
const NOT_ABROAD = set('one ten');

/**
 * Which vocabularies to try for a text, the best first, and the words of each that do not count: its own language and the plain words of English,
 * since short English is taken for other languages; the plain words of all when it is unknown.
 */
export function vocabulariesFor(language: string | undefined): { words: NumberWords; except: Set<string> }[] {
  if (language === undefined) return Object.values(NUMBER_WORDS).map((words) => ({ words, except: words.ambiguous }));
  const own = NUMBER_WORDS[language];
  const english = { words: NUMBER_WORDS.en!, except: language === 'en' ? new Set<string>() : NOT_ABROAD };
  return own && language !== 'en' ? [{ words: own, except: new Set() }, english] : [english];
}
