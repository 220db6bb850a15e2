import { isIP } from 'node:net';

/** An IP address in the one spelling the guard decides by: an IPv6 address that carries an IPv4 address counts as that one. */
export type Address = { family: 'ipv4' | 'ipv6'; text: string };

/** Parses a plain address (no brackets; a zone such as `%eth0` is dropped); undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const bare = text.split('%', 1)[0] ?? '';
  switch (isIP(bare)) {
    case 4:
      return { family: 'ipv4', text: bare };
    case 6: {
      const embedded = embeddedIpv4(ipv6Groups(bare));
      return embedded ? { family: 'ipv4', text: embedded } : { family: 'ipv6', text: bare };
    }
    default:
      return undefined;
  }
}

/**
 * The IPv4 address that traffic to an IPv6 address ends at: mapped (::ffff:0:0/96, RFC 4291), NAT64 (64:ff9b::/96, RFC 6052) and
 * 6to4 (2002::/16, RFC 3056). The deprecated compatible (::/96) and translated (::ffff:0:0:0/96) forms and Teredo are refused whole.
 */
function embeddedIpv4(groups: number[]): string | undefined {
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number];
  const middleEmpty = c === 0 && d === 0 && e === 0;
  if (a === 0 && b === 0 && middleEmpty && f === 0xffff) return dotted(g, h);
  if (a === 0x64 && b === 0xff9b && middleEmpty && f === 0) return dotted(g, h);
  if (a === 0x2002) return dotted(b, c);
  return undefined;
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The eight 16-bit groups of an address that `isIP` has accepted. */
function ipv6Groups(address: string): number[] {
  const hex = address.replace(/[\d.]+$/, (tail) => {
    if (!tail.includes('.')) return tail;
    const [a, b, c, d] = tail.split('.').map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [left = '', right] = hex.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const head = groups(left);
  if (right === undefined) return head;
  const tail = groups(right);
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
