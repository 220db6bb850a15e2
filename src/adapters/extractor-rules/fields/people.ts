import type { NumberToken } from '../number/digits.ts';
import type { FoldedText, Span } from '../text/folded-text.ts';

/** Counting people: which numbers count them, and groups described without one number ("me and my two sons"). All words folded. */

const NOUNS =
  'people|ppl|peoples|persons?|pers\\.?|pax|guests?|adults?|kids?|child(?:ren)?|childs|toddlers?|bab(?:y|ies)|infants?|seniors?|teens?|teenagers?|men|man|women|woman|ladies|lady|boys?|girls?|' +
  'friends?|others?|individuals?|diners?|heads?|covers?|seats?|participants?|attendees?|members?|coworkers?|colleagues?|hikers?|walkers?|cyclists?|bikers?|travell?ers?|tourists?|students?|pensioners?|pilgrims?|parents?|grandparents?|sisters?|brothers?|siblings?|cousins?|sons?|daughters?|' +
  'personen?|gaste?n?|leuten?|menschen|erwachsene[nr]?|erw\\.?|kind(?:er|ern)?|kleinkind(?:er|ern)?|rentner(?:n|innen)?|wanderer|radfahrer|reisende[nr]?|damen|herren|studenten|schuler|teilnehmer|freunde?n?|mann|frauen?|manner|kollegen|plate|platze|' +
  'personnes?|adultes?|enfants?|invites?|convives|couverts?|randonneu(?:rs?|ses?)|cyclistes?|voyageurs?|etudiante?s?|collegues|gens|amis?|amies?|bebes?|participants|' +
  'personas?|adultos?|ninos?|ninas?|invitados?|comensales|amigos?|amigas?|huespedes|senderistas|ciclistas|viajeros|estudiantes|companeros|' +
  'adulti|bambini|bambino|ospiti|amici|persone|pessoas?|criancas?|amigos|personen|volwassenen?|kinderen|gasten';
const KIN =
  'wife|husband|partner|girlfriend|boyfriend|fiancee?|spouse|son|daughter|mom|mum|mother|dad|father|brother|sister|friend|child|kid|baby|boss|colleague|coworker|grandmother|grandfather|grandma|grandpa|' +
  'grandson|granddaughter|uncle|aunt|cousin|nephew|niece|teen|toddler|infant|senior|man|woman|lady friend|lady|girl|boy|adult|person|date|other half|' +
  'frau|mann|freundin|freund|partnerin|tochter|sohn|mutter|vater|bruder|schwester|kind|femme|mari|ami|amie|copine|copain|fils|fille|mere|pere|mujer|esposa|marido|esposo|novia|novio|hijo|hija|madre|padre|amigo|amiga';
const PAIRS =
  'couple|parents|twins|grandparents|eltern|zwillinge|grosseltern|parents|jumeaux|padres|mellizos|gemelos|paar|pareja';
const SELF = 'me|myself|i|ich|mich|mir|moi|yo|mi|us two';
const OWNER =
  'my|our|his|her|their|the|a|an|one|mein(?:e|en|er|em)?|unser(?:e|en|er)?|mon|ma|mes|notre|nos|un|une|ein(?:e|en|er)?|mi|mis|una|el|la';

const AFTER = new RegExp(
  `^(?:(?: |-)(?:total|other|different|young|small|further|weitere|weiteren|autres|mas))? ?-?(?:(?:${NOUNS})(?![\\p{L}\\p{N}])|of (?:us|them|you)\\b|in (?:total|all)\\b|total\\b|tops?\\b|pax\\b|von uns\\b|de nous\\b)`,
  'u',
);
const BEFORE =
  /(?:^|[^\p{L}])(?:(?:party|group|family|team|table|people|total|booking|reservation|seating|gruppe|groupe|grupo|famille|familie|familia|tisch|mesa|table|number|pax|size|guests|for) (?:of|is|will be|von|de|mit|pour|para|fur|zu|size is|size to|:)|(?:table|tables|booking|reservation|reservations|seating|seats?|room|space|dinner|lunch|breakfast|brunch|booked|book|reserve|spot|place|places|tisch|platz|reservierung|table|couverts|mesa|reserva|something|available|availability|open|update|one|it|that|this|change|booth|me|us|just|total|seated|be) (?:for|fur|pour|para)(?: (?:about|around|the|up to|only|just|a total of|at))?|(?:seat|accommodate|fit|host|only|so|then|dann|alors|entonces|we are|we're|we will be|we'll be|there are|there will be|there'll be|there is|now|us|(?:wir|sind|waren) (?:sind|waren|wir|werden|kommen|zu)|werden|kommen zu|nous sommes|nous serons|nous etions|on sera|somos|seremos|venimos|vendremos|iremos|seriamos|siamo|saremo|just|zu|have|expecting|make (?:it|that)|makes (?:it|that)|we have|for us|us|want|its|it's|it is|gonna|going to be|to just|count|people:|guests:|size:))(?: (?:about|around|the|up to|only|just|a total of|doch|nur|noch|jetzt|nun|leider|insgesamt|dann|etwa|rund|ca\.|environ|maintenant|finalement|unos|ahora|solo|now|it's)){0,3} $/u;
/** "Headcount for the party: 9", "Personen: 4". */
const LABEL =
  /(?<!\p{L})(?:head ?count|party size|group size|number of (?:people|guests|persons)|guests|people|personenzahl|anzahl|personen|gaste|nombre de personnes|personnes|numero de personas|personas)(?!\p{L})[^.!?:\n]{0,32}: ?$/u;
const PARTY_OF =
  /(?:^|[^\p{L}])(?:party|group|family|gruppe|groupe|grupo|famille|familie|familia) (?:of|von|de|mit) $/u;
/** An alarm is set for an hour, a card charged for an amount. */
const FOR_SOMETHING_ELSE =
  /(?<!\p{L})(?:alarm|timer|remind\p{L}*|meeting|appointment|wake\p{L}*|call|withdr\p{L}*|charged?|paid|payment|invoice|termin|wecker|rendez-vous|cita)(?!\p{L})[^.!?]*$/u;
const PLAIN_FOR = /(?:^|[^\p{L}])(?:for|fur|pour|para)(?: the| just| only)? $/u;

/** How sure it is that a number counts people: 2 with a noun behind it, 1 with a phrase before it, 0 when nothing says so. */
export function peopleCue({ start, end }: Span, text: string, freeStanding: boolean): 0 | 1 | 2 {
  if (AFTER.test(text.slice(end, end + 40))) return 2;
  const lead = text.slice(Math.max(0, start - 48), start).replace(/ {2,}/g, ' ');
  if (PARTY_OF.test(lead)) return 2;
  if (!freeStanding) return 0;
  return BEFORE.test(lead) || (PLAIN_FOR.test(lead) && !FOR_SOMETHING_ELSE.test(lead)) || LABEL.test(lead) ? 1 : 0;
}

/** The span of "4 people" for the number 4: the noun shows what was counted. */
export function withNoun(token: Span, text: string): Span {
  const noun = new RegExp(`^ (?:${NOUNS})(?![\\p{L}\\p{N}])`, 'u').exec(text.slice(token.end, token.end + 30));
  return { start: token.start, end: token.end + (noun?.[0].length ?? 0) };
}

const SUBSET_BEFORE =
  /(?<!\p{L})(?:including|incl\.?|among them|of (?:whom|which|them)|dont|parmi lesquels|davon|darunter|inklusive|inkl\.?|einschliesslich|inclu(?:yendo|idos?|idas?)|de los cuales|entre ellos|tra cui|waarvan|inclusief) $/u;
const SUBSET_AFTER =
  /^ (?:of (?:them|whom)|von (?:ihnen|denen|uns)|d'entre (?:nous|eux)|de ellos|de nosotros)(?!\p{L})/u;

/**
 * Whether the number counts some of a group only: "7, including a baby", "two of them". So does an article with a noun ("une amie")
 * beside a plain count; alone it counts all.
 */
export function isPartOfGroup({ start, end, weak }: NumberToken, text: string): boolean {
  return (
    weak === true ||
    SUBSET_BEFORE.test(text.slice(Math.max(0, start - 24), start)) ||
    SUBSET_AFTER.test(text.slice(end, end + 20))
  );
}

const JOINING =
  /(?<!\p{L})(?:add|adding|extra|additional|plus|zusatzlich|hinzufugen|ajouter|anadir)(?: just| another)? $/u;
const SAID_OF_SOME = new RegExp(
  `^(?: of (?:us|them)| von (?:uns|ihnen)| de (?:nous|nosotros)| d'entre nous| (?:${NOUNS}))? (?:(?:is|are|ist|sind|est|sont|es|son)(?! (?:coming|joining|arriving|going|looking|planning|attending|what|that|this|it|all|enough|the|ok|okay|fine|correct|right|in|for|to|fur|pour|para|zu|a)(?!\\p{L}))|has|have|needs?|needing|eats?|smokes?|only eats?|cannot|can't|doesn't|don't|who (?:is|are|has|have|needs?)|hat|haben|braucht|brauchen|isst|essen (?:kein|vegan|veget|gluten)|mange|mangent|a besoin|tienen?|necesitan?)(?!\\p{L})`,
  'u',
);

/**
 * Whether a sentence speaks of some guests and not of all: "one of us is vegetarian", "two kids needing a high chair", "add one person". Such a number
 * is no size of the party, even where no other is given.
 */
export function isOfSome({ start, end }: Span, text: string): boolean {
  return (
    JOINING.test(text.slice(Math.max(0, start - 24), start)) ||
    (SAID_OF_SOME.test(text.slice(end, end + 60)) && !SAID_OF_SOME_ONLY_NUMBER.test(text.slice(end, end + 8)))
  );
}
/** "4 is fine", "6 are coming": the number itself. */
const SAID_OF_SOME_ONLY_NUMBER = /^ (?:is|are|ist|sind|est|sont|es|son|has|have|hat|haben|needs?)(?!\p{L})/u;

type Part = Span & { count: number };

const SELF_PART = new RegExp(`^(?:just )?(?:${SELF})(?![\\p{L}\\p{N}'])`, 'u');
const KIN_PART = new RegExp(
  `^(?:(?:${OWNER}) )?(?:(?:little|older|younger|lovely|dear) )?(?:(${PAIRS})|(${KIN}))(?![\\p{L}\\p{N}']| (?:seat|chair|high|menu|bed|cot|stroller))`,
  'u',
);
const COUNTED_REST = new RegExp(
  `^ (?:(?:more|other|little|young|small|of my|weitere|autres|otros|otras) )?(?:(couples?|paare?|parejas?)|(?:${NOUNS}))(?![\\p{L}\\p{N}])`,
  'u',
);
const OWNED = new RegExp(`^(?:(?:${OWNER}) )?`, 'u');
const GLUE = /^(?: ?,? ?(?:and|&|\+|plus|und|et|y|e|en|with|avec|mit|con) (?:also )?|, )/u;

/** One member or counted group at `at`, or undefined. */
function partAt(text: string, at: number, numbers: Map<number, NumberToken>): Part | undefined {
  const rest = text.slice(at, at + 60);
  const self = SELF_PART.exec(rest);
  if (self) return { start: at, end: at + self[0].length, count: 1 };
  const owner = OWNED.exec(rest)?.[0].length ?? 0;
  for (const shift of new Set([0, owner])) {
    const token = numbers.get(at + shift);
    if (!token || !/^\d{1,3}$/.test(token.value)) continue;
    const noun = COUNTED_REST.exec(text.slice(token.end, token.end + 40));
    const count = Number(token.value) * (noun?.[1] === undefined ? 1 : 2);
    if (noun) return { start: at, end: token.end + noun[0].length, count };
    // "we have two plus a child": a bare number only before more company.
    if (GLUE.test(text.slice(token.end, token.end + 12)) && token.weak !== true)
      return { start: at, end: token.end, count };
  }
  const kin = KIN_PART.exec(rest);
  if (kin) return { start: at, end: at + kin[0].length, count: kin[1] === undefined ? 1 : 2 };
  return undefined;
}

const KIN_START = new RegExp(
  `(?<![\\p{L}\\p{N}])(?:(?:${OWNER}) )?(?:${SELF}|${PAIRS}|${KIN})(?![\\p{L}\\p{N}'])`,
  'gu',
);
const ALONE_COUPLE =
  /(?:^|[^\p{L}])(?:a couple|ein paar(?= bitte)|une? couple|una pareja)(?! (?:of|de|people|more|days?|hours?|times?|minutes?|questions?))(?![\p{L}])/gu;
/** "wir sind zu dritt" */
const GERMAN_COMPANY =
  /(?<!\p{L})zu (zweit|dritt|viert|funft|sechst|siebt|acht)(?![\p{L}\p{N}]| (?:oder|bis|personen)| ?[-/])/gu;
const JUST_ME =
  /(?:just|only|nur|juste|solo)(?: for| fur| pour| para)? (me|ich|mich|moi|yo|mi|myself)(?=[ ?.!,]*$)|(?:it is|it's) just (?:going to be |gonna be )?(me|myself)(?=[ ?.!,]*$)/gu;

/**
 * Groups that are described: "5 adults and 1 child" (6), "me and my 3 friends" (4), "my parents and I" (3), "two couples" (4), "a couple" (2).
 * The value is the sum; a group whose size is not said ("my friends and I") is left out. Offsets are those of the folded text.
 */
export function findGroups({ text }: FoldedText, tokens: NumberToken[]): Part[] {
  const numbers = new Map(tokens.map((token) => [token.start, token]));
  const starts = new Set(tokens.map((token) => token.start));
  for (const token of tokens) {
    const owner = /(?:^|[^\p{L}])((?:my|our|his|her|their|mein(?:e|en)?|mes|mis) )$/u.exec(
      text.slice(Math.max(0, token.start - 8), token.start),
    );
    if (owner) starts.add(token.start - owner[1]!.length);
  }
  for (const match of text.matchAll(KIN_START)) starts.add(match.index);
  const groups: Part[] = [];
  let covered = 0;
  for (const start of [...starts].sort((a, b) => a - b)) {
    if (start < covered) continue;
    const group = groupAt(text, start, numbers);
    if (!group) continue;
    groups.push(group);
    covered = group.end;
  }
  for (const match of text.matchAll(GERMAN_COMPANY)) {
    const count = ['zweit', 'dritt', 'viert', 'funft', 'sechst', 'siebt', 'acht'].indexOf(match[1]!) + 2;
    groups.push({ start: match.index, end: match.index + match[0].length, count });
  }
  for (const match of text.matchAll(ALONE_COUPLE)) {
    const lead = match[0].search(/[a-z]/);
    groups.push({ start: match.index + lead, end: match.index + match[0].length, count: 2 });
  }
  for (const match of text.matchAll(JUST_ME)) {
    const word = (match[1] ?? match[2])!;
    const start = match.index + match[0].lastIndexOf(word);
    groups.push({ start, end: start + word.length, count: 1 });
  }
  return groups;
}

function groupAt(text: string, start: number, numbers: Map<number, NumberToken>): Part | undefined {
  const first = partAt(text, start, numbers);
  if (!first) return undefined;
  let { end, count } = first;
  let parts = 1;
  while (parts < 12) {
    const glue = GLUE.exec(text.slice(end, end + 16));
    // "3 adults one senior": the comma may be missing before a counted group.
    const bare = glue ? undefined : /^ (?=one |two |\d)/.exec(text.slice(end, end + 6));
    const next = glue ?? bare;
    if (!next) break;
    // "a party of six, I booked": the comma ends the group.
    if (next[0] === ', ' && /^(?:i|ich|yo)(?!\p{L})/u.test(text.slice(end + 2, end + 6))) break;
    const part = partAt(text, end + next[0].length, numbers);
    if (!part) {
      // "me and my friends": somebody is there who was not counted.
      if (glue && new RegExp(`^(?:${OWNER}) (?:${NOUNS})`, 'u').test(text.slice(end + glue[0].length, end + 40)))
        return undefined;
      break;
    }
    end = part.end;
    count += part.count;
    parts += 1;
  }
  const couples = /(?:couples|paare|parejas)$/.test(text.slice(start, end));
  return parts > 1 || couples ? { start, end, count } : undefined;
}
