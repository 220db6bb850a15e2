import { fold } from '../text/folded-text.ts';
import { isFreeStanding } from '../text/free-standing.ts';

/** Single words that are a weekday or month by chance more often than on purpose: "the sun", "may", "we sat". */
const SHORT_NAME =
  /^(?:sun|mon|tue|tues|wed|thu|thur|thurs|fri|sat|so|mo|di|mi|do|fr|sa|mar|mer|jeu|ven|sam|dim|lun|mie|jue|vie|sab|dom|gio|ma|wo|vr|za|zo|seg|ter|qua|qui|sex)\.?$/;
const ANNOUNCED = /\b(?:on|this|next|last|by|until|am|bis|le|el|il|op) $/;
const MAY_WITH_NUMBER = /^(?:may|march|mar|sun|sat)\b(?: the)? \d{1,2}$/;
const NUMBER_WITH_MAY = /^\d{1,2} (?:may|march|mar|sun|sat)$/;
/** A stretch of days is no day. */
const VAGUE =
  /^(?:(?:the|a|an|this|next|last|coming|following|(?:nachst|naechst|dies|letzt|vorig|vergangen|kommend|folgend|ubernachst)e[nmrs]?|in der|ab|prochaine|derniere|la|cette|esta|questa|proxima|prossima|volgende|deze|ein|eine|einem|un|une|una) )*(?:week|weekend|month|year|woche|monat|jahr|wochenende|semaine|mois|annee|weekend|semana|mes|ano|settimana|mese|anno|maand|jaar)(?: (?:prochaine?|derniere|proxima|prossima|que viene|pasada|after|before))?$/;
const OTHER_WEEK_BEFORE =
  /(?:先週|再来週|先々週)の?$|(?:letzte|vorige|last|vorletzte|ubernachste)n? (?:woche|week) (?:am |on )?$/;
const COUNTED =
  /^ {0,2}(?:of us|people|persons?|guests?|adults?|kids|children|%|percent|euros?|dollars?|items?|pieces?|times?|minutes?|hours?|days?|weeks?)\b/;

const UNIT =
  /(?<!\p{L})(?:days?|weeks?|fortnights?|months?|years?|tage?n?|wochen?|monate?n?|jahre?n?|jours?|semaines?|mois|ans?|annees?|dias?|semanas?|mes(?:es)?|anos?|giorn[oi]|settiman[ae]|mes[ei]|ann[oi]|dag(?:en)?|weken|maand(?:en)?|jaar|jaren)(?!\p{L})/u;
/** A weekday, a month or an ordinal beside the unit: "Tuesday next week", "the 5th of next month". */
const NAMED_DAY =
  /\d(?:st|nd|rd|th|\.)|(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche|lunes|martes|miercoles|jueves|viernes|sabado|domingo|lunedi|martedi|mercoledi|giovedi|venerdi|sabato|domenica|feira|(?:maan|dins|woens|donder|vrij|zater|zon)dag/;
/** What ties a number of days to today. The others ("for nine days", "seit 31 Jahren", "every 2 days", "en une semaine") are durations. */
const TIED =
  /(?<!\p{L})(?:ago|from (?:now|today)|hence|geleden|fa|atras)$|^(?:in|vor|heute in|dans|il y a|dentro de|hace|fra|tra|over|ha|daqui a|om|for .* sedan)(?!\p{L})/u;
/** "in two days" is a duration too behind what was done or delivered in it, or was counted: "10k followers in a week". */
const LASTED =
  /(?<!\p{L})(?:\p{L}+(?<!ne)ed|had|has|got|did|was|were|took|made|twice|once|thrice|times|done|ready|ships?|shipping|deliver|delivers|delivery|dispatch|mal|hat|habe|haben|hatten?|wurden?|versand|lieferung|lieferzeit|fertig|fois)(?: \p{L}+){0,2} $/u;
const PLANNED =
  /(?<!\p{L})(?:booked|reserved|needed|planned|scheduled|expected|supposed|interested|invited) (?:\p{L}+ ){0,2}$/u;
const COUNTED_BEFORE =
  /\d\p{L}* (?!(?:people|persons?|guests?|adults?|pax|of us|nights?|personen|gaste|personnes|personas)(?!\p{L}))\p{L}+ $/u;
/** Any such day, not one of them: "a Saturday", "some Sunday in May", "every Friday", "the Sunday roast". */
const ANY_DAY_BEFORE =
  /(?<!\p{L})(?:an?|some|any|every|each|most|other|eine[mnrs]?|ein|jede[nmrs]?|irgendeine[nm]?|immer|un|une|chaque|tous les|cada|algun|todos los|ogni|per|qualche|um|toda|elke|een|per)(?: (?:nice|quiet|sunny|single|other|regular|ruhigen|normalen|beliebigen))? $/u;
const KIND_OF_DAY =
  /^ (?:roasts?|menus?|specials?|buffet|market|opening|opening hours|hours|papers?|times|service|people|rate|prices?|brunch menu)(?!\p{L})/u;

function isPeriod(folded: string, before: string): boolean {
  if (!UNIT.test(folded) || NAMED_DAY.test(folded)) return false;
  if (!TIED.test(folded)) return true;
  return /^in /.test(folded) && ((LASTED.test(before) && !PLANNED.test(before)) || COUNTED_BEFORE.test(before));
}

/**
 * Whether what chrono took for a day is none: a word by chance, a stretch of time, a kind of day. `before` and `after` are the text around it
 * (60 units before, 20 behind), `weekday` that it names a weekday and no day of the month.
 */
export function isChance(source: string, [before, after]: readonly [string, string], weekday: boolean): boolean {
  const folded = fold(source);
  const lead = fold(before).replace(/^.*[.!?;\n]/s, '');
  if (isPeriod(folded, lead)) return true;
  if (weekday && (ANY_DAY_BEFORE.test(lead) || KIND_OF_DAY.test(fold(after)))) return true;
  if (/^(?:every|each|jeden?|chaque|cada|ogni|elke) /.test(folded)) return true;
  if (/^(?:right |just )?(?:now|jetzt|maintenant|ahora|adesso|nu|agora)$/.test(folded)) return true;
  // "a minute", "in an hour": read elsewhere, or no day at all.
  if (
    /\b(?:minut|hour|stunde|heure|hora|second|sekund|moment|seconde|segundo)/.test(folded) &&
    !/\d{1,2}[./ -]|day|tag|jour|dia/.test(folded)
  )
    return true;
  if (SHORT_NAME.test(folded)) return !ANNOUNCED.test(fold(before)) || folded === source;
  if (/\b(?:few|couple|several|some|einigen?|paar|quelques|unos|unas|pocos|alcuni|paar|enkele)\b/.test(folded))
    return true;
  if (VAGUE.test(folded) || OTHER_WEEK_BEFORE.test(fold(before))) return true;
  if (MAY_WITH_NUMBER.test(folded)) {
    return (
      COUNTED.test(fold(after)) ||
      (/^[ms]/.test(source) && /\b(?:i|you|we|they|he|she|it|there|that|which|who) $/.test(fold(before)))
    );
  }
  if (NUMBER_WITH_MAY.test(folded)) return /^ (?:be|have|not)\b/.test(fold(after)) || !isFreeStanding(fold(after), 0);
  return false;
}
