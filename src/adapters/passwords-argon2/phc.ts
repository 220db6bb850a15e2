/** A stored hash: Argon2id, version 1.3, memory in KiB, passes, lanes. */
export type StoredHash = { memoryKib: number; passes: number; parallelism: number; salt: Uint8Array; hash: Uint8Array };

/** A stored string that asks for more would let whoever can write one stop the server; OWASP's heaviest set is 46 MiB. */
const limits = { memoryKib: 262_144, passes: 10, parallelism: 4 } as const;

// https://github.com/P-H-C/phc-string-format: unpadded base64, decimal numbers without leading zeros, parameters in this order.
const pattern =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Undefined for anything malformed, of another algorithm, or beyond the limits. */
export function parsePhc(stored: string): StoredHash | undefined {
  const match = pattern.exec(stored);
  if (!match) return undefined;
  const [memoryKib, passes, parallelism] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (memoryKib > limits.memoryKib || passes > limits.passes || parallelism > limits.parallelism) return undefined;
  if (memoryKib < 8 * parallelism) return undefined;
  return {
    memoryKib,
    passes,
    parallelism,
    salt: Buffer.from(match[4]!, 'base64'),
    hash: Buffer.from(match[5]!, 'base64'),
  };
}

export function formatPhc(stored: StoredHash): string {
  const { memoryKib, passes, parallelism } = stored;
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}$${unpadded(stored.salt)}$${unpadded(stored.hash)}`;
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
