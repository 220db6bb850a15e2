import { BlockList, isIP, isIPv4 } from 'node:net';

/**
 * Whether an address is one of the proxies the operator named. `list` holds addresses and CIDR ranges, IPv4 and IPv6.
 * Errors: throws on an entry that is neither.
 */
export function trustedProxies(list: readonly string[]): (address: string) => boolean {
  if (list.length === 0) return () => false;
  const ranges = new BlockList();
  for (const entry of list) addRange(ranges, entry);

  // The check crosses into C++ (0.5 µs) and the same few proxies send everything: their answers are kept.
  const known = new Map<string, boolean>();
  return (address) => {
    let trusted = known.get(address);
    if (trusted === undefined) {
      trusted = contains(ranges, address);
      if (known.size >= 1000) known.clear();
      known.set(address, trusted);
    }
    return trusted;
  };
}

/** An IPv4 address that came through an IPv6 socket (`::ffff:192.0.2.1`) as IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address;
}

function addRange(ranges: BlockList, entry: string): void {
  const [address = '', bits, ...rest] = entry.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) throw new Error(`not an address or CIDR range: ${entry}`);
  const type = family === 4 ? 'ipv4' : 'ipv6';
  if (bits === undefined) {
    ranges.addAddress(address, type);
    return;
  }
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (!(prefix >= 0 && prefix <= (family === 4 ? 32 : 128))) throw new Error(`not an address or CIDR range: ${entry}`);
  ranges.addSubnet(address, prefix, type);
}

function contains(ranges: BlockList, address: string): boolean {
  const plain = plainAddress(address);
  const family = isIP(plain);
  return family !== 0 && ranges.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}
