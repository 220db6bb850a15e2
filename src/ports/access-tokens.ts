import type { Role } from '#domain/actor.ts';

export type AccessSubject = { userId: string; sessionId: string; role: Role };

/** Times in epoch milliseconds, whole seconds as in the token. */
export type AccessClaims = AccessSubject & { issuedAt: number; expiresAt: number };

/**
 * Short-lived bearer tokens that carry who is asking. A valid token is not yet a permission: the session behind it may have ended
 * (logout, password change, user disabled), and the caller checks that.
 */
export interface AccessTokens {
  /** `expiresInSeconds` from now; the life is a setting, at most 24 hours. */
  issue(subject: AccessSubject): Promise<{ token: string; expiresInSeconds: number }>;
  /** The claims, or undefined for whatever is not a valid token of ours right now (forged, expired, another algorithm, garbage). Errors: none. */
  verify(token: string): Promise<AccessClaims | undefined>;
}
