import type { PersonalKind, PersonalSpan } from '#domain/personal.ts';
import type { ExtractionContext, FieldType } from '#ports/field-extractor.ts';
import { detectLanguage } from '../language.ts';
import { findReferences } from '../number/reference.ts';
import type { Reader } from '../reading.ts';
import type { Span } from '../text/folded-text.ts';
import { claimAll, createClaims } from '../text/found.ts';
import { findCards } from './card.ts';
import { findNames } from './names.ts';

const wanted: ReadonlySet<FieldType> = new Set(['email', 'iban', 'phone']);

/** Words that make a phone number of what follows, whatever the region. */
const CUED_PHONE =
  /(?<![\p{L}\p{N}])(?:tel|telephone|phone|mobile|cell|call me|text me|whats ?app|reach me|fax|telefon\p{L}*|handy|mobil|mobilnummer|handynummer|rufnummer|ruf\p{L}* (?:mich|uns)|téléphone|portable|appelez|joindre|teléfono|móvil|llám\p{L}*|telefono|cellulare|chiamat?emi|chiamami|telefone|telemóvel|celular|telefoon\p{L}*|bel me|06-nummer)(?![\p{L}\p{N}])[^\d\n+(]{0,24}([+(]{0,2}\d(?:[ ()./\u00a0-]{0,2}\d){5,14})(?![\p{L}\p{N}]|[.,]\d)/giu;

/**
 * Everything in a text that says who somebody is: no two overlap, in the order of the text. The surest kinds take their place first: addresses, accounts,
 * cards, phone numbers, names. Behind `limit` units nothing is read, and that part is tagged as a whole.
 */
export function createPersonal(reader: Reader, limit: number) {
  return (whole: string, context: ExtractionContext): PersonalSpan[] => {
    const text = whole.slice(0, limit);
    const language = context.language ?? detectLanguage(text);
    const reading = reader(text, context, { wanted: new Set(wanted), language, bareHour: 'no' });
    const claims = createClaims(text);
    const kept = (kind: PersonalKind, spans: Span[]): PersonalSpan[] =>
      claimAll(spans.map(plain), claims).map((span) => ({ kind, ...span }));
    const cards = () => findCards(claims.blanked(), findReferences(reading.folded));
    const found = [
      ...kept('email', reading.emails),
      ...kept('iban', reading.ibans),
      ...kept('card', cards()),
      ...kept(
        'phone',
        reading.phones.filter((phone) => looksLikePhone(phone, text)),
      ),
      ...kept('phone', cuedPhones(claims.blanked())),
      ...kept(
        'name',
        findNames(text).sort((a, b) => b.end - b.start - (a.end - a.start)),
      ),
    ].sort((a, b) => a.start - b.start);
    return whole.length > limit ? [...found, { kind: 'unread', start: limit, end: whole.length }] : found;
  };
}

const plain = ({ start, end }: Span): Span => ({ start, end });

/**
 * Ten digits in a row without a leading zero are a bar code or an order more often than a phone number, groups of three an amount, and what goes on a row
 * of groups of digits is no number of its own. Behind a word such as "phone" all of them count.
 */
function looksLikePhone({ start, end }: Span, text: string): boolean {
  const written = text.slice(start, end);
  if (/^[1-9]\d*$/.test(written) || /^[1-9]\d{0,2}(?:[ \u00a0.]\d{3})+$/.test(written)) return false;
  return !/\d[ \u00a0-]?$/.test(text.slice(Math.max(0, start - 2), start));
}

function cuedPhones(text: string): Span[] {
  return [...text.matchAll(CUED_PHONE)].map((match) => {
    const end = match.index + match[0].length;
    return { start: end - match[1]!.length, end };
  });
}
