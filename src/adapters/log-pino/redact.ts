import { stdSerializers } from 'pino';

/** Names (in lower case) under which secrets and people's words travel. Nobody should log them; this is the net below. */
export const redactedNames: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'password',
  'secret',
  'secretkey',
  'secret_key',
  'token',
  'access_token',
  'refresh_token',
  'accesstoken',
  'refreshtoken',
  'apitoken',
  'idempotencykey',
  'idempotency-key',
  'answers',
  'body',
  'payload',
  'definition',
  'text',
]);

const maxDepth = 6;

/**
 * A copy of `value` in which whatever stands under a redacted name, at any depth, in any letter case, reads `[redacted]`; errors become their name,
 * message, stack and fields; what lies deeper than six levels is left out (so that a circle ends).
 *
 * Not pino's own `redact`: with one and two wildcards for each name a line takes 91 µs, with this 4 µs (bench/primitives.ts).
 */
export function redact(fields: Record<string, unknown>): Record<string, unknown> {
  return scrubObject(fields, 1);
}

function scrubObject(object: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object)) {
    copy[name] = redactedNames.has(name.toLowerCase()) ? '[redacted]' : scrub(value, depth);
  }
  return copy;
}

function scrub(value: unknown, depth: number): unknown {
  if (typeof value === 'function') return undefined;
  if (value === null || typeof value !== 'object') return value;
  if (depth >= maxDepth) return '[too deep]';
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item) => scrub(item, depth + 1));
  if (value instanceof Error) return scrubObject(stdSerializers.err(value), depth + 1);
  if ('toJSON' in value && typeof value.toJSON === 'function') return value;
  return scrubObject(value, depth + 1);
}
