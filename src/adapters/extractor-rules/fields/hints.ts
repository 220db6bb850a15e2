import type { FieldSpec } from '#ports/field-extractor.ts';
import { fold } from '../text/folded-text.ts';

/** What a field's name and description say about where its value stands. All words are folded. */
export type Hints = {
  words: Set<string>;
  /** The field counts people: "4 people", "table for two", "me and my son". */
  people: boolean;
  /** The field is about something that has happened: dates without a year are read backwards. */
  past: boolean;
  /** The name says only that it is a number, so any number fits. */
  generic: boolean;
};

const STOP_WORDS = new Set(
  (
    'the and for with your you are was what when which who how many much does this that please enter field value answer date time day number hour person name ' +
    'text of in on at is it or an to if any their they der die das und fur mit von wie viele datum uhrzeit zeit tag zahl anzahl les des une pour avec heure jour nombre ' +
    'los las una para con hora fecha dia numero'
  ).split(' '),
);

/** `to` and `from` are stop words in a description but the whole point of a name. */
const ROLES: [RegExp, string][] = [
  [
    /^(?:arriv|check_?in|start|begin|from|since|anreise|ankunft|beginn|von|arrivee|debut|llegada|inicio|desde|outbound|pickup|pick_?up|first)/,
    'arrive arrives arriving arrival check-in checkin checking start starts starting begin begins beginning from since between anreise ankunft ankommen ab von vom beginn du arrivee arrivons arriver debut des llegada llegamos llegar desde del pick collect outbound',
  ],
  [
    /^(?:depart|check_?out|end|finish|until|till|to$|to_|return|leav|abreise|ruck|ende|bis|depart|retour|fin|salida|hasta|vuelta|inbound|dropoff|drop_?off|last)/,
    'depart departs departing departure leave leaves leaving check-out checkout end ends ending finish until till to return returns returning back abreise abfahrt abreisen ruckreise zuruck bis zum ende au jusqu partons partir retour fin salida salimos salir hasta vuelta al drop',
  ],
  [
    /^(?:deliver|liefer|livr|entreg)/,
    'deliver delivers delivered delivery deliveries geliefert lieferung liefern livraison livrer livre entrega entregar',
  ],
  [
    /^(?:birth|dob|born|geburt|naiss|nacim)/,
    'born birth birthday birthdate geboren geburtstag geburtsdatum ne nee naissance nacido nacida nacimiento',
  ],
  [
    /^(?:order|purchase|bought|kauf|bestell|achat|compra)/,
    'order ordered purchase purchased bought buy bestellt gekauft bestellung kauf commande achete achat pedido compre compra',
  ],
];

const PEOPLE =
  /^(?:people|persons?|personen|personas|personnes|pessoas|persone|personer|guests?|gaste|gast|guest|invites|invitados|party|partysize|groupsize|pax|covers?|attendees?|participants?|participantes|teilnehmer(?:zahl)?|diners?|heads?|headcount|heads|comensales|huespedes|convives|couverts|seats|plazas|adults?|visitors?|besucher)$/;
const PAST =
  /^(?:birth|dob|born|geburt|naiss|nacim|past|purchas|ordered|bought|happened|occurred|incident|accident|received|delivered|since|gekauft|bestellt|vorfall|unfall|schaden|erhalten|achat|incident|recu|compra|ocurri|incidente|recibid)/;
const GENERIC =
  /^(?:number|num|nb|count|amount|quantity|qty|total|value|zahl|anzahl|menge|wert|nombre|quantite|numero|cantidad|cuantos|how|many|n|x|answer|field)$/;

/** Splits `partySize`, `party_size` and "Party size" into words. */
function split(text: string): string[] {
  return fold(text.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2'))
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
}

export function hintsOf(field: FieldSpec): Hints {
  const nameWords = split(field.name);
  const all = [...nameWords, ...split(field.description ?? '')];
  const words = new Set(all.filter((word) => word.length >= 3 && !STOP_WORDS.has(word)));
  for (const [pattern, synonyms] of ROLES) {
    const named = pattern.test(nameWords.join('_')) || nameWords.some((word) => word.length > 2 && pattern.test(word));
    if (named) for (const synonym of synonyms.split(' ')) words.add(synonym);
  }
  return {
    words,
    people: field.type === 'number' && all.some((word) => PEOPLE.test(word)),
    past: all.some((word) => PAST.test(word)),
    generic: nameWords.every((word) => GENERIC.test(word) || /^\d+$/.test(word)),
  };
}

/** A field's word and the text's are the same up to a plural or case ending. */
export function sameWord(word: string, other: string): boolean {
  if (word === other) return true;
  const [short, long] = word.length < other.length ? [word, other] : [other, word];
  return short.length >= 4 && long.startsWith(short) && long.length - short.length <= 2;
}
