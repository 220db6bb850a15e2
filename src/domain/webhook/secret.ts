/** Signing secrets as Standard Webhooks 1.0.0 writes them: `whsec_` and the base64 of 24…64 random bytes. */

const prefix = 'whsec_';
const minBytes = 24;
const maxBytes = 64;

/** How long a former secret stays valid after a rotation: 24 h. */
export const rotationOverlapMs = 86_400_000;

/** A secret and the moment (ms since the epoch) after which it signs nothing any more; the current one has no such moment. */
export type SigningSecret = { secret: string; validUntil?: number };

/** Errors: RangeError unless 24…64 bytes are given. */
export function newSecret(bytes: Uint8Array): string {
  if (bytes.length < minBytes || bytes.length > maxBytes) {
    throw new RangeError(`a webhook secret has ${minBytes} to ${maxBytes} bytes, not ${bytes.length}`);
  }
  return prefix + Buffer.from(bytes).toString('base64');
}

/** The key bytes of a `whsec_…` text; undefined when it is not one. Strict: padded standard base64 in its one canonical spelling. */
export function parseSecret(text: string): Uint8Array | undefined {
  if (!text.startsWith(prefix)) return undefined;
  const encoded = text.slice(prefix.length);
  const bytes = Buffer.from(encoded, 'base64');
  // Buffer skips what it does not understand; only a text that encodes back to itself was understood whole.
  if (bytes.toString('base64') !== encoded) return undefined;
  return bytes.length >= minBytes && bytes.length <= maxBytes ? bytes : undefined;
}

/** Enough to recognise a secret in a list (24 of at least 192 bits), never enough to use it. */
export function maskedSecret(text: string): string {
  return `${text.slice(0, prefix.length + 4)}…`;
}

/**
 * The secrets after a rotation, newest first: the former current one stays valid for `rotationOverlapMs` so that receivers can change over,
 * an older one ends at once.
 */
export function rotatedSecrets(input: { current: string; fresh: string; now: number }): SigningSecret[] {
  return [{ secret: input.fresh }, { secret: input.current, validUntil: input.now + rotationOverlapMs }];
}
