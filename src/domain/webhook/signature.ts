import { createHmac } from 'node:crypto';
import { parseSecret, type SigningSecret } from './secret.ts';

/** The three headers of Standard Webhooks 1.0.0. */
export type SignedHeaders = {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
};

/**
 * Signs one attempt. `now` (ms since the epoch) becomes `webhook-timestamp` in whole seconds, so every attempt is signed anew while `id` stays.
 * `body` is signed as it stands and must be sent as it stands. Each secret that is valid at `now` adds one `v1,…`, in the order given.
 * Errors: RangeError for an id that could shift the signed text's boundaries, for a malformed secret, or when no secret is valid.
 */
export function signedHeaders(input: {
  id: string;
  body: string | Uint8Array;
  secrets: readonly SigningSecret[];
  now: number;
}): SignedHeaders {
  // A full stop would let one id and time be read as another; the specification forbids it.
  if (!/^[\w-]{1,128}$/.test(input.id)) throw new RangeError('a webhook id consists of 1 to 128 of A-Z a-z 0-9 _ -');
  const timestamp = Math.floor(input.now / 1000).toString();
  const signatures = input.secrets
    .filter(({ validUntil }) => validUntil === undefined || validUntil > input.now)
    .map(({ secret }) => signature(secret, `${input.id}.${timestamp}.`, input.body));
  if (signatures.length === 0) throw new RangeError('no valid secret to sign the webhook with');
  return { 'webhook-id': input.id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

function signature(secret: string, head: string, body: string | Uint8Array): string {
  const key = parseSecret(secret);
  if (!key) throw new RangeError('the webhook secret is malformed');
  return `v1,${createHmac('sha256', key).update(head).update(body).digest('base64')}`;
}
