import { BlockList } from 'node:net';
import { type Address, parseAddress } from './address.ts';

/**
 * Which addresses a webhook may be sent to. Source: the IANA IPv4 and IPv6 special-purpose address registries (RFC 6890, RFC 8190).
 * Some rows are reachable in principle (192.0.0.0/24 has two such addresses); none is a place for a webhook receiver.
 */
const special: [cidr: string, what: string][] = [
  ['0.0.0.0/8', 'this host'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'shared by a carrier (CGNAT)'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'for IETF protocols'],
  ['192.0.2.0/24', 'for documentation'],
  ['192.88.99.0/24', 'a 6to4 relay'],
  ['192.168.0.0/16', 'private'],
  ['198.18.0.0/15', 'for benchmarks'],
  ['198.51.100.0/24', 'for documentation'],
  ['203.0.113.0/24', 'for documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['fc00::/7', 'private (ULA)'],
  ['fe80::/10', 'link-local'],
  ['ff00::/8', 'multicast'],
  // Global unicast is 2000::/3; these three are all the rest: compatible and translated IPv4, local NAT64, discard, site-local, unassigned.
  ['::/3', 'not global unicast'],
  ['4000::/2', 'not global unicast'],
  ['8000::/1', 'not global unicast'],
  ['2001::/32', 'a Teredo tunnel'],
  ['2001::/23', 'for IETF protocols'],
  ['2001:db8::/32', 'for documentation'],
  ['3fff::/20', 'for documentation'],
];

/**
 * Where cloud machines fetch their credentials. No setting opens these.
 * All of 169.254.0.0/16 and fe80::/10: the services use many addresses there (169.254.169.254, 169.254.170.2, fe80::a9fe:a9fe, …) and
 * nothing else that a webhook could want lives there.
 */
const metadata: string[] = [
  '169.254.0.0/16',
  'fe80::/10',
  '100.100.100.200/32', // Alibaba
  '168.63.129.16/32', // Azure
  '192.0.0.192/32', // Oracle
  'fd00:ec2::/32', // AWS
  'fd20:ce::254/128', // Google
];

export type AddressVerdict =
  /** `listed`: only allowed because the operator has listed its network. */
  { ok: true; listed: boolean } | { ok: false; why: string };

export type Guard = { check(address: string): AddressVerdict };

/**
 * A guard that refuses every special address save those in `allow` (CIDR networks or single addresses).
 * Errors: throws naming every entry of `allow` that is not a network, so that a slip in the settings stops the start.
 */
export function createGuard(allow: readonly string[]): Guard {
  const opened = listOf(allow);
  const never = listOf(metadata);
  const refused = special.map(([cidr, what]) => ({ list: listOf([cidr]), why: `is ${what} (${cidr})` }));

  function check(text: string): AddressVerdict {
    const address = parseAddress(text);
    if (!address) return { ok: false, why: 'is not an address' };
    if (never.has(address)) return { ok: false, why: 'belongs to the metadata service of a cloud' };
    if (opened.has(address)) return { ok: true, listed: true };
    const hit = refused.find(({ list }) => list.has(address));
    return hit ? { ok: false, why: hit.why } : { ok: true, listed: false };
  }

  return { check };
}

/** A set of networks. One block list per family: in a common one, ::/8 would also hold 8.8.8.8, which it compares as ::ffff:8.8.8.8. */
function listOf(networks: readonly string[]): { has(address: Address): boolean } {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  const wrong: string[] = [];
  for (const network of networks) {
    const parsed = parseNetwork(network);
    if (parsed) lists[parsed.family].addSubnet(parsed.text, parsed.bits, parsed.family);
    else wrong.push(network);
  }
  if (wrong.length > 0) {
    throw new Error(`not a network in CIDR notation (IPv4 inside IPv6 is written as IPv4): ${wrong.join(', ')}`);
  }
  return { has: ({ family, text }) => lists[family].check(text, family) };
}

function parseNetwork(text: string): (Address & { bits: number }) | undefined {
  const [base = '', bits, ...rest] = text.split('/');
  const address = base.includes('%') ? undefined : parseAddress(base);
  // An IPv6 spelling of an IPv4 address is decided as IPv4: as an IPv6 network it would silently do nothing.
  if (!address || rest.length > 0 || (address.family === 'ipv4' && base.includes(':'))) return undefined;
  const most = address.family === 'ipv4' ? 32 : 128;
  if (bits === undefined) return { ...address, bits: most };
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > most) return undefined;
  return { ...address, bits: Number(bits) };
}
