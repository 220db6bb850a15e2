import type { FoldedText, Span } from '../text/folded-text.ts';

/** Words whose number is a name: with a sign between ("order no. 12", "ticket: A-7"), or with at least four digits ("order 4711"). */
const NAMED =
  'order|booking|reservation|invoice|ticket|case|tracking|customer|account|reference|ref|confirmation|serial|article|item|model|' +
  'bestellung|bestell|kunden|buchung|rechnung|rechnungs|auftrag|auftrags|artikel|vorgang|vorgangs|bestellnummer|kundennummer|rechnungsnummer|auftragsnummer|' +
  'commande|facture|dossier|pedido|factura|reserva|ordine|fattura|plz|zip|postcode|postleitzahl';
const PLACES =
  'room|gate|flight|floor|suite|apartment|apt|zimmer|raum|chambre|appartement|habitacion|camera|stanza|version|release';
const NUMBER_SIGN = '(?:no|nr|num|number|nummer|id|code|numero|n°|nº|#)';

const CUED = [
  new RegExp(
    `(?<![\\p{L}\\p{N}])(?:${NAMED})[ -]?(?:${NUMBER_SIGN}\\.?:? ?#?|[:#] ?#?)(?=[\\p{L}/_-]{0,6}\\d)[\\p{L}\\p{N}][\\p{L}\\p{N}/_-]{0,40}`,
    'gu',
  ),
  new RegExp(
    `(?<![\\p{L}\\p{N}])(?:${NAMED}) (?=[\\p{L}-]{0,6}\\d{4})[\\p{L}\\p{N}][\\p{L}\\p{N}/_-]{3,40}(?![.,]\\d)`,
    'gu',
  ),
  new RegExp(
    `(?<![\\p{L}\\p{N}])(?:${PLACES}) (?:${NUMBER_SIGN}\\.? ?)?v?\\d{1,6}(?:\\.\\d{1,6}){0,4}(?![\\p{L}\\p{N}:])`,
    'gu',
  ),
  /#[\p{L}\p{N}][\p{L}\p{N}_-]{0,40}/gu,
  /(?<![\p{L}\p{N}])(?:nr|num|number|nummer|numero|n°|nº|no\.)[.:]? ?#?(?=[\p{L}-]{0,6}\d{3})[\p{L}\p{N}][\p{L}\p{N}/_-]{2,40}/gu,
  /(?<![\p{L}\p{N}.,])v\d{1,6}(?:\.\d{1,6}){0,4}(?![\p{L}\p{N}])/gu,
];

const UNCUED = [
  // Addresses of machines: 192.168.100.200
  /(?<![\p{L}\p{N}.,])(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?![\p{N}]|\.\d)/gu,
  // Version numbers: 1.2.3, but not 1.234.567
  /(?<![\p{L}\p{N}.,])(?!\d{1,3}(?:\.\d{3}){2,5}(?!\d|\.\d))\d{1,6}(?:\.\d{1,6}){2,8}(?![\p{N}])/gu,
  // Letters and digits in one code: INV-2026-001, AB12CD, 4711-A
  /(?<![\p{L}\p{N}_-])[a-z]{1,6}-?\d{2,20}(?:[-/]?[a-z0-9]{1,20}){0,4}(?![\p{L}\p{N}])/gu,
  /(?<![\p{L}\p{N}_-])\d{3,20}-[a-z]{1,6}(?![\p{L}\p{N}])/gu,
  // A year by itself: "since 2019", "im Jahr 2026"
  /(?<=(?:^|[^\p{L}])(?:in|since|seit|im|anno|year|jahr|jahre|annee|en|ano|depuis|desde|dal|sinds) )(?:19|20)\d\d(?![\p{N}]|[.,:/-]\d| ?[$€£])/gu,
];

const spans = (folded: FoldedText, patterns: RegExp[]): Span[] =>
  patterns.flatMap((pattern) =>
    [...folded.text.matchAll(pattern)].map((match) => folded.toOriginal(match.index, match.index + match[0].length)),
  );

/** Order numbers, room numbers and versions that a word or `#` announces: claimed before anything else reads their digits. May overlap. */
export function findReferences(folded: FoldedText): Span[] {
  return spans(folded, CUED);
}

/** Versions, codes and years that only their form gives away: claimed after dates, times and phone numbers. May overlap. */
export function findCodes(folded: FoldedText): Span[] {
  return spans(folded, UNCUED);
}
