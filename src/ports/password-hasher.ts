/**
 * Turns passwords into strings that may be stored. Slow on purpose, so only a few run at once and a bounded number waits.
 * Errors: `hash`, `verify` and `dummyVerify` reject with `AppError('rate-limited')` when the queue is full.
 */
export interface PasswordHasher {
  /** A PHC string: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. The rules for passwords are `passwordProblem` of `domain/password.ts`. */
  hash(password: string): Promise<string>;
  /** Compares in constant time. False as well for a stored string that is malformed or asks for more than the limits allow. */
  verify(password: string, stored: string): Promise<boolean>;
  /** True when `stored` was made with other parameters than today's: hash again at the next successful login. */
  needsRehash(stored: string): boolean;
  /** Costs what `verify` costs and is always false: called for unknown users, so that time does not tell who exists. */
  dummyVerify(password: string): Promise<false>;
}
