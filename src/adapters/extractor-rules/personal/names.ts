import { findPersons } from '../fields/person.ts';
import type { Span } from '../text/folded-text.ts';

const WORD = "\\p{Lu}[\\p{L}\\p{M}'’]{0,40}(?:-\\p{Lu}[\\p{L}\\p{M}'’]{1,40})?";
const PARTICLE = '(?:(?:von|van|der|den|de|del|della|di|da|dos|la|le|du|bin|al|zu) ){0,2}';
const NAME = `${WORD}\\.?(?: ${PARTICLE}${WORD}\\.?){0,3}`;
const TITLES =
  'Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herrn?|Frau|Monsieur|Madame|Mme|Mlle|Señora?|Sra?|Signora?|Sig|Senhora?|Mevrouw|Meneer|Dhr|Mevr';
const TITLE = `(?:(?:${TITLES}|señora?|signora?|senhora?|mevrouw|meneer|monsieur|madame)\\.? )`;

const CLOSINGS =
  'kind regards|best regards|warm regards|regards|best wishes|best|sincerely|yours sincerely|yours faithfully|yours truly|yours|cheers|many thanks|thanks|thank you|' +
  'mit freundlichen grüßen|mit freundlichen gruessen|freundliche grüße|viele grüße|liebe grüße|beste grüße|schöne grüße|herzliche grüße|gruß|grüße|mfg|vg|lg|danke|vielen dank|' +
  'cordialement|bien cordialement|bien à vous|sincères salutations|salutations|amicalement|merci|merci beaucoup|' +
  'saludos|saludos cordiales|un saludo|atentamente|gracias|muchas gracias|' +
  'cordiali saluti|distinti saluti|saluti|grazie|grazie mille|' +
  'atenciosamente|cumprimentos|com os melhores cumprimentos|abraços|obrigado|obrigada|' +
  'met vriendelijke groet|vriendelijke groeten|groeten|groetjes|bedankt|alvast bedankt';
const signature = new RegExp(
  `(?:^|[\\n.!?,] {0,3})(?:${insensitive(CLOSINGS)})(?: in advance| im voraus)?(?:[,.!] {0,3}(?:\\r?\\n[ \\t]*){0,3}|(?: {0,3}\\r?\\n[ \\t]*){1,3})[-–—]? ?(${TITLE}?)(${NAME})[.!]?[ \\t]*(?=$|\\r?\\n)`,
  'gu',
);
const GREETINGS =
  'dear|hello|hi|hey|good morning|good afternoon|hallo|liebe|lieber|guten tag|guten morgen|sehr geehrte|sehr geehrter|bonjour|chère|cher|hola|estimado|estimada|querido|querida|' +
  'buongiorno|ciao|gentile|caro|cara|olá|prezado|prezada|caro|cara|beste|geachte|hoi';
const salutation = new RegExp(
  `(?:^|\\n)[ \\t]*(?:${insensitive(GREETINGS)}) (${TITLE}{0,3})(${NAME})(?=[ \\t]*(?:[,!:.]|$|\\n))`,
  'gu',
);
/** Two capital letters in a row begin no name behind a title: "Dr IT". */
const titled = new RegExp(`(?<![\\p{L}\\p{N}])${TITLE}{1,3}(${WORD}(?: ${PARTICLE}${WORD}){0,2})`, 'gu');

/** Who is greeted or signs without being a person, and what begins the next sentence. */
const NOBODY =
  /^(?:Team|Support|Sir|Sirs|Madam|All|Everyone|Everybody|There|Customer|Service|Shop|Store|Folks|Friends|People|Sales|Staff|Manager|Help|Helpdesk|Company|Colleagues|Again|Damen|Herren|Kolleg\p{L}*|Kund\p{L}*|Zusammen|Leute|Monsieur|Messieurs|Madame|Mesdames|Mademoiselle|Tous|Équipe|Service|Señor\p{L}*|Equipo|Todos|Signor\p{L}*|Squadra|Tutti|Senhor\p{L}*|Equipe|Allemaal|Heer|Mevrouw|Klantenservice|Kundenservice|Kundendienst|The|A|An|I|My|We|Our|You|Your|Please|Order|Thanks|Thank|And|But|For|Is|It|In|Im|Ich|Wir|Das|Die|Der|Mein\p{L}*|Je|Nous|Mon|Ma|La|Le|Les|El|Los|Mi|Il|Yo|For|Now|Sent|Ok|Okay|Yes|No|Bye|Advance)$/u;

/** "Acme Support" is nobody either. */
const ORGANISATION = /^(?:Team|Support|Customer|Service|Shop|Store|Sales|Staff|Help|Helpdesk|Company|Kund\p{L}*)$/u;

/**
 * Names that stand where names stand: behind an introduction ({@link findPersons}), a closing ("Kind regards,\nJane Doe"), a greeting and a title; then
 * every other place of the same full name. Bare names need a model. May overlap.
 */
export function findNames(text: string): Span[] {
  const found: Span[] = findPersons(text).map(({ start, end }) => ({ start, end }));
  const add = (match: RegExpExecArray, name: string) => {
    const start = match.index + match[0].lastIndexOf(name);
    const words = name.split(' ');
    const stop = words.findIndex((word) => NOBODY.test(word));
    if (stop > 0 && ORGANISATION.test(words[stop]!)) return;
    const kept = (stop < 0 ? words : words.slice(0, stop)).join(' ').replace(/\.$/, '');
    if (kept.length > 1) found.push({ start, end: start + kept.length });
  };
  for (const match of text.matchAll(signature)) add(match, match[2]!);
  for (const match of text.matchAll(salutation)) add(match, match[2]!);
  for (const match of text.matchAll(titled)) add(match, match[1]!);
  return [...found, ...otherPlaces(text, found)];
}

/** Once known, a full name is one everywhere. Of at most twenty names, so that a list of them costs no more than a page. */
function otherPlaces(text: string, known: Span[]): Span[] {
  const names = new Set(known.map(({ start, end }) => text.slice(start, end)).filter((name) => name.includes(' ')));
  return [...names].slice(0, 20).flatMap((name) => {
    const places: Span[] = [];
    for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + name.length))
      if (!/[\p{L}\p{N}]/u.test(text[at + name.length] ?? '')) places.push({ start: at, end: at + name.length });
    return places;
  });
}

/** The alternation in any case, inside of a pattern in which capitals matter. */
function insensitive(words: string): string {
  return words.replace(
    /\p{L}/gu,
    (letter) => `[${letter}${letter.toUpperCase() === 'SS' ? 'ẞ' : letter.toUpperCase()}]`,
  );
}
