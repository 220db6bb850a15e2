import type { Found } from '../text/found.ts';
import type { Hints } from './hints.ts';

/** Words after which a name follows, whoever writes. */
const SURE =
  "my (?:full |first |last |own )?name(?: is|'s|’s|:)|(?:first |last |full )?name(?: is|:)|under (?:the |my )?name(?: of|:)?|in the name of|on the name(?: of)?|for the name(?: of)?|i(?: am|'m|’m) (?:called|known as|named)|(?:call|named?) me|(?:booked|reserved|reservation|booking|listed|reservations?) under(?: the name)?(?: of)?|first name|last name|surname|" +
  'mein name ist|mein vorname ist|mein nachname ist|ich heisse|ich heiße|auf den namen|unter dem namen|name ist|' +
  "je m['’]appelle|mon nom est|mon prénom est|au nom de|nom ?:|" +
  'me llamo|mi nombre es|a nombre de|mi apellido es|' +
  'mi chiamo|il mio nome è|a nome di|a nome|o meu nome é|meu nome é|chamo-me|me chamo|em nome de|mijn naam is|ik heet|op naam van';
/** Words after which a name may follow: two capitalised words are asked for. */
const LIKELY =
  "this is|i am|i'm|i’m|it's|it’s|ich bin|hier ist|hier spricht|je suis|c['’]est|soy|sono|ik ben|regards,?|cheers,?|sincerely,?|grüße,?|cordialement,?|saludos,?";

const TITLE = '(?:(?:mr|mrs|ms|miss|dr|prof|herr|frau|m|mme|mlle|sr|sra|princess|sir)\\.? )?';
const WORD = "\\p{Lu}[\\p{L}\\p{M}'’-]{1,40}";
const PARTICLE = '(?:(?:von|van|der|den|de|del|della|di|da|dos|la|le|du|bin|al|zu) ){0,2}';
const REST = `(?: (?:${PARTICLE}${WORD}|\\p{Lu}\\.))`;

const sureName = new RegExp(`(?<![\\p{L}\\p{N}])(?:${SURE})[ :]{1,2}${TITLE}`, 'giu');
const likelyName = new RegExp(`(?<![\\p{L}\\p{N}])(?:${LIKELY})[ \\n]{1,2}${TITLE}`, 'giu');
const oneOrMore = new RegExp(`${WORD}${REST}{0,3}`, 'uy');
const twoOrMore = new RegExp(`${WORD}${REST}{1,3}`, 'uy');
const NAME_FIRST = new RegExp(`(?<![\\p{L}\\p{N}])(${WORD}${REST}{1,3}) (?:is my name|here(?=[.,!]))`, 'gu');

/** Capitalised words that begin the next clause rather than end a name, and what is no name at all. */
const NOT_A_NAME =
  /^(?:I|The|A|An|My|We|And|But|For|On|At|In|Is|It|Not|No|Please|Thanks|Thank|Table|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|January|February|March|April|May|June|July|August|September|October|November|December|Ich|Und|Das|Der|Die|Wir|Bitte|Je|Et|Le|La|Nous|Yo|El|Y|Can|Could|Would|Sorry|Hello|Hi|Name|English|German|French|Spanish)$/;

/**
 * Names after an introduction ("my name is …", "ich heiße …", "under the name …"), only when written with capitals. Names without an
 * introduction need a model. `text` is the original: capitals matter.
 */
export function findPersons(text: string): Found[] {
  const found: Found[] = [];
  const add = (start: number, written: string, least: number) => {
    const words = written.split(' ');
    const stop = words.findIndex((word) => NOT_A_NAME.test(word));
    const kept = (stop < 0 ? words : words.slice(0, stop)).filter(Boolean);
    while (kept.length > 0 && /^\p{Ll}+$/u.test(kept.at(-1)!)) kept.pop();
    const name = kept.join(' ').replace(/['’-]+$|['’]s$/u, '');
    if (kept.length >= least && name.length > 1) found.push({ start, end: start + name.length, value: name });
  };
  for (const [cue, name, least] of [
    [sureName, oneOrMore, 1],
    [likelyName, twoOrMore, 2],
  ] as const) {
    for (const match of text.matchAll(cue)) {
      name.lastIndex = match.index + match[0].length;
      const written = name.exec(text);
      if (written) add(written.index, written[0], least);
    }
  }
  for (const match of text.matchAll(NAME_FIRST)) add(match.index, match[1]!, 2);
  return found;
}

/** A field that asks for one part of the name gets that part: the first word, or what is left behind it. */
export function partOfName(found: Found, hints: Hints): Found | undefined {
  const has = (...words: string[]) => words.some((word) => hints.words.has(word));
  const space = found.value.indexOf(' ');
  if (has('first', 'given', 'vorname', 'prenom', 'forename', 'firstname')) {
    return space < 0 ? found : { ...found, end: found.start + space, value: found.value.slice(0, space) };
  }
  if (has('last', 'family', 'surname', 'nachname', 'familienname', 'apellido', 'apellidos', 'lastname')) {
    return space < 0 ? undefined : { ...found, start: found.start + space + 1, value: found.value.slice(space + 1) };
  }
  return found;
}
