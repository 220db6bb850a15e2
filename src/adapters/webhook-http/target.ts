import { isIP } from 'node:net';
import type { UrlCheck } from '#ports/webhook-transport.ts';
import type { Guard } from './guard.ts';

const maxUrlLength = 2048;

export type ResolvedAddress = { address: string; family: 4 | 6 };

/** Looks up all addresses of a name; rejects when it cannot. */
export type Resolve = (hostname: string) => Promise<ResolvedAddress[]>;

export type Target =
  /** The addresses were checked; nothing but these may be connected to. */
  | { ok: true; url: URL; addresses: ResolvedAddress[] }
  | { ok: false; kind: 'dns'; detail: string }
  | { ok: false; kind: 'refused-by-guard'; refused: Refusal; detail: string };

type Refused = Extract<UrlCheck, { ok: false }>;
type Refusal = Refused['refused'];

/** The checks that need no name lookup. WHATWG parsing turns every spelling of an IPv4 literal (0x7f.1, 2130706433) into the dotted one. */
export function parseTarget(text: string): { ok: true; url: URL } | Refused {
  if (text.length > maxUrlLength) return refuse('too-long', `the URL is longer than ${maxUrlLength} characters`);
  const url = URL.parse(text);
  if (!url) return refuse('malformed', 'this is not an absolute URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return refuse('scheme', 'the URL must begin with https:// (or http:// inside listed networks)');
  }
  if (url.username !== '' || url.password !== '') {
    return refuse('userinfo', 'the URL must not carry a user name or password');
  }
  // `hash` is empty for a lone '#', which would still be kept in the URL.
  if (url.href.includes('#')) return refuse('fragment', 'the URL must not have a fragment (#…)');
  if (url.port === '0') return refuse('port', 'port 0 cannot be connected to');
  return { ok: true, url };
}

/** Resolves a URL's host and checks every address it has. Never rejects: a resolver that fails refuses. */
export async function resolveTarget(text: string, deps: { guard: Guard; resolve: Resolve }): Promise<Target> {
  const parsed = parseTarget(text);
  if (!parsed.ok) return { ok: false, kind: 'refused-by-guard', refused: parsed.refused, detail: parsed.detail };
  const { url } = parsed;
  let addresses: ResolvedAddress[];
  try {
    addresses = await addressesOf(url, deps.resolve);
  } catch (error) {
    return { ok: false, kind: 'dns', detail: codeOf(error) };
  }
  if (addresses.length === 0) return { ok: false, kind: 'dns', detail: 'the name has no address' };
  return checkAddresses(url, addresses, deps.guard);
}

/** One forbidden address refuses them all: which of them a connection would use is not for the name's owner to choose. */
function checkAddresses(url: URL, addresses: ResolvedAddress[], guard: Guard): Target {
  for (const { address } of addresses) {
    const verdict = guard.check(address);
    if (!verdict.ok) {
      return {
        ok: false,
        kind: 'refused-by-guard',
        refused: 'address',
        detail: `${described(url, address)} ${verdict.why}`,
      };
    }
    if (url.protocol === 'http:' && !verdict.listed) {
      const detail = `${described(url, address)} is outside the networks that may be reached without TLS: use https`;
      return { ok: false, kind: 'refused-by-guard', refused: 'plain-http', detail };
    }
  }
  return { ok: true, url, addresses };
}

async function addressesOf(url: URL, resolve: Resolve): Promise<ResolvedAddress[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(host);
  return family === 0 ? await resolve(host) : [{ address: host, family: family === 4 ? 4 : 6 }];
}

function described(url: URL, address: string): string {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return host === address ? host : `${host} resolves to ${address}, which`;
}

function refuse(refused: Refusal, detail: string): Refused {
  return { ok: false, refused, detail };
}

/** The stable part of a Node error, for people to look up. */
export function codeOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return String(code ?? message ?? error).slice(0, 200);
}
