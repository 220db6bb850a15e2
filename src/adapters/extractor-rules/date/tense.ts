/** Verbs of what has happened. Not "booked", "reserved", "was", "had": those speak of days to come as well ("I had booked for Friday"). */
const HAPPENED =
  /(?<!\p{L})(?:came|went|ordered|bought|purchased|paid|received|arrived|visited|ate|stayed|happened|broke|fell|collapsed|crashed|stopped|sent|wrote|phoned|emailed|died|had an? (?!table|booking|reservation|room|appointment)\p{L}+|kam|kamen|ging|gingen|rief|passierte|(?:ai|as|a|avons|avez|ont) (?:deja )?(?:commande|recu|achete|paye|appele|ecrit|envoye|mange)|(?:suis|est|sommes|sont) (?:arrive|venu|passe|tombe)e?s?|compre|compramos|pedi|pague|recibi|recibimos|llego|llegaron|llame|escribi|ocurrio)(?!\p{L})/u;
const GERMAN_PARTICIPLE =
  /(?<!\p{L})(?:bestellt|gekauft|bezahlt|erhalten|bekommen|angekommen|geliefert|gekommen|passiert|angerufen|geschrieben|verschickt|abgeholt|gewesen)(?!\p{L}| (?:werden|wird|sein|haben))/u;
/** The sentence asks for something to come as well, so nothing is sure. */
const TO_COME =
  /(?<!\p{L})(?:will|would|could|can|want|wanna|like to|hope|soll(?:en|te)?|wird|werden|kann|konnen|konnte[nt]?|mochten?|wurden?|pourr\p{L}+|voudr\p{L}+|sera|serons|podr\p{L}+|quer\p{L}+|quier\p{L}+)(?!\p{L})/u;

/** Whether the sentence around a span of folded text (60 units before it, 30 behind) tells what has happened: "I ordered on Monday", "since Monday". */
export function isPast(text: string, start: number, end: number): boolean {
  const before = text
    .slice(Math.max(0, start - 60), start)
    .split(/[.!?;\n]/)
    .at(-1)!;
  if (/(?<!\p{L})(?:since|seit|depuis|desde|sinds)(?: (?:the|on|dem|le|el))? $/u.test(before)) return true;
  const after = text.slice(end, end + 30).split(/[.!?;,\n]/)[0]!;
  if (TO_COME.test(before) || TO_COME.test(after)) return false;
  return HAPPENED.test(before) || GERMAN_PARTICIPLE.test(before) || GERMAN_PARTICIPLE.test(after);
}
