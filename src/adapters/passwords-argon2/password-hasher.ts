import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import type { PasswordHasher } from '#ports/password-hasher.ts';
import { formatPhc, parsePhc, type StoredHash } from './phc.ts';
import { createTurnstile } from './turnstile.ts';

// OWASP's recommendation: 19 MiB, two passes, one lane. 25 to 35 ms on one core of a 2-core server (bench/primitives.ts).
const recommended = { memoryKib: 19_456, passes: 2, parallelism: 1 } as const;
const saltBytes = 16;
const hashBytes = 32;
const longestQueue = 64;

/** Argon2id of Node's own crypto, which runs on the thread pool. `atOnce` bounds memory (19 MiB each) and the share of the pool that logins may take. */
export function createPasswordHasher(deps: { atOnce: number; memoryKib?: number }): PasswordHasher {
  const today = { ...recommended, memoryKib: deps.memoryKib ?? recommended.memoryKib };
  const enter = createTurnstile(deps.atOnce, longestQueue);
  const dummySalt = randomBytes(saltBytes);

  return {
    hash: async (password) => {
      const salt = randomBytes(saltBytes);
      const hash = await enter(() => derive(password, { ...today, salt }, hashBytes));
      return formatPhc({ ...today, salt, hash });
    },
    verify: async (password, stored) => {
      const parsed = parsePhc(stored);
      if (!parsed) return false;
      const hash = await enter(() => derive(password, parsed, parsed.hash.length));
      return timingSafeEqual(hash, parsed.hash);
    },
    needsRehash: (stored) => {
      const parsed = parsePhc(stored);
      return (
        parsed === undefined ||
        parsed.memoryKib !== today.memoryKib ||
        parsed.passes !== today.passes ||
        parsed.parallelism !== today.parallelism ||
        parsed.salt.length < saltBytes ||
        parsed.hash.length < hashBytes
      );
    },
    dummyVerify: async (password) => {
      await enter(() => derive(password, { ...today, salt: dummySalt }, hashBytes));
      return false;
    },
  };
}

function derive(password: string, how: Omit<StoredHash, 'hash'>, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    argon2(
      'argon2id',
      {
        // One keyboard sends é as one code point, another as two: the same password (NIST SP 800-63B, 5.1.1.2).
        message: password.normalize('NFKC'),
        nonce: how.salt,
        memory: how.memoryKib,
        passes: how.passes,
        parallelism: how.parallelism,
        tagLength: length,
      },
      (err, hash) => (err ? reject(err) : resolve(hash)),
    );
  });
}
