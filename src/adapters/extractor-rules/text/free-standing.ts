/**
 * Whether a number stands for itself or counts the word after it: "at 7 please" against "at 7 people".
 * A closed list of words that can follow a free-standing number, because the words a number can count are an open one.
 */
const FOLLOWERS = new Set(
  (
    'a am an and anyone are as at available be because but by can could do during earliest for from gmt had has have he i if in inside instead ' +
    'into is it its just may might my next no not now o of outdoor outdoors indoor indoors on or ok okay our out outside over sur von please including pls plz que rather sharp she so thank thanks that the ' +
    'there they this till to today tomorrow tonight too under until was we when which while will with works would yes you ' +
    'monday tuesday wednesday thursday friday saturday sunday ' +
    'abend abends aber bei bis bitte da danke davon darunter denn der die diese diesen dieser fur hatte heute ein eine einen ich im inkl ist kann mit mittags morgen morgens nachmittag noch ' +
    'nachmittags nachts nicht oder reservieren sonst uber und unter vom von vormittags wenn wir war zu zum ' +
    'montag dienstag mittwoch donnerstag freitag samstag sonntag ' +
    'avec ce cet cette dans de demain dont du est et je la le lundi mais mardi matin mercredi jeudi vendredi samedi dimanche merci ou par pour precises sera ' +
    'soir si sil nous on svp en ' +
    'con del dia incluido incluyendo el es esta este favor gracias hoy lunes manana martes miercoles jueves viernes sabado domingo noche para pero por porque quiero si somos tarde y ' +
    'alle di domani e grazie ho il oggi per se sera voor graag en als om op vandaag vanavond amanha hoje obrigado'
  ).split(' '),
);

/** `end` is an offset into the folded text, just behind the number. */
export function isFreeStanding(folded: string, end: number): boolean {
  const rest = folded.slice(end, end + 40);
  const tail = /^ {0,3}(?:$|\n|[)\]"',;:!?>/]+(?![0-9])|-(?= )|\.+(?![0-9a-z])|([a-z]+))/.exec(rest);
  if (!tail) return false;
  if (tail[1] === undefined) return true;
  // "7 oclock" style suffixes stick to the number and are read elsewhere: a letter right behind it is never free-standing.
  if (/^[a-z]/.test(rest)) return false;
  if (tail[1] === 'of' || tail[1] === 'de')
    return !/^ {0,3}(?:of us|of them|of our|of the|de nous|de nosotros)/.test(rest);
  return FOLLOWERS.has(tail[1]);
}
