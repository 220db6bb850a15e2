/** An IPv4 or IPv6 network. `text` is what the operator wrote. */
export type Network = { text: string; address: string; prefix: number; family: 'ipv4' | 'ipv6' };

/** The family of a literal address, or undefined. No zone (`%eth0`), no leading zeros in IPv4 (some programs read those as octal). */
export function addressFamily(text: string): 'ipv4' | 'ipv6' | undefined {
  if (isIpv4(text)) return 'ipv4';
  return isIpv6(text) ? 'ipv6' : undefined;
}

/** `10.0.0.0/8`, `fd00::/8`; a bare address only where `bare` allows it, as a network of one. */
export function parseNetwork(text: string, bare: boolean): Network | undefined {
  const [address, prefixText, more] = text.split('/');
  const family = addressFamily(address ?? '');
  if (!family || more !== undefined) return undefined;
  const longest = family === 'ipv4' ? 32 : 128;
  if (prefixText === undefined) return bare ? { text, address: address!, prefix: longest, family } : undefined;
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefixText) || Number(prefixText) > longest) return undefined;
  return { text, address: address!, prefix: Number(prefixText), family };
}

/** Whether a server that listens there can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return (
    name === 'localhost' || name.endsWith('.localhost') || name === '::1' || (isIpv4(name) && name.startsWith('127.'))
  );
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  // An IPv4 tail (`::ffff:10.0.0.1`) stands for two groups; it may only be the end of the whole address.
  const tail = last?.includes('.') === true && text.endsWith(last) && isIpv4(last);
  const hex = tail ? groups.slice(0, -1) : groups;
  if (!hex.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
  const count = hex.length + (tail ? 2 : 0);
  return halves.length === 2 ? count <= 7 : count === 8;
}
