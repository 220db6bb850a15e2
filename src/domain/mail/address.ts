import { sha256Hex } from '../hash.ts';

/** RFC 5322: a dot-atom. Beyond ASCII everything is let through (RFC 6532). */
const localPart = /^[^\s@,;:<>()[\]"\\.]+(?:\.[^\s@,;:<>()[\]"\\.]+)*$/;
const longestLocalPart = 64;
const domainCharacters = /^[A-Za-z0-9_.\-\P{ASCII}]+$/u;
const hyphenAtAnEnd = /(?:^|\.)-|-(?:\.|$)/;
/** In ASCII, as it goes over the wire. */
const domainLabel = /^[A-Za-z0-9_-]{1,63}$/;

/** Whether a text is one plain address: no name, no quotes, nothing that a header or an SMTP command would read as more than it. */
export function isAddress(text: string): boolean {
  const at = text.lastIndexOf('@');
  if (text.length > 254 || /\p{C}/u.test(text) || at > longestLocalPart) return false;
  const domain = text.slice(at + 1);
  if (!localPart.test(text.slice(0, Math.max(0, at))) || !domainCharacters.test(domain)) return false;
  const labels = domainOf(text).split('.');
  return !hyphenAtAnEnd.test(domain) && labels.every((label) => domainLabel.test(label));
}

/** Stands for an address in ids and payloads, so that these name nobody. Letter case does not count: it is the same mailbox nearly everywhere. */
export function recipientKey(address: string): string {
  return sha256Hex(address.toLowerCase()).slice(0, 16);
}

/** What stands behind the last `@`, in ASCII (IDNA). Of an address that is none it may be anything. */
export function domainOf(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return /\P{ASCII}/u.test(domain) ? (URL.parse(`http://${domain}`)?.hostname ?? domain) : domain;
}
