import { sha256Hex } from '../hash.ts';

/** Whether a text is one plain address: no name, no quotes, nothing that a header or an SMTP command would read as more than it. */
export function isAddress(text: string): boolean {
  return (
    text.length <= 254 &&
    !/\p{C}/u.test(text) &&
    /^[^\s@,;:<>()[\]"\\]{1,64}@(?:[^\s@.,;:<>()[\]"\\/]+\.)*[^\s@.,;:<>()[\]"\\/]+$/.test(text)
  );
}

/** Stands for an address in ids and payloads, so that these name nobody. Letter case does not count: it is the same mailbox nearly everywhere. */
export function recipientKey(address: string): string {
  return sha256Hex(address.toLowerCase()).slice(0, 16);
}

/** What stands behind the last `@`. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
