import { type CryptoKey, errors, jwtVerify, SignJWT } from 'jose';
import { type Role, roles } from '#domain/actor.ts';
import type { AccessClaims, AccessTokens } from '#ports/access-tokens.ts';
import type { Clock } from '#ports/clock.ts';
import type { KeyRing } from '#ports/key-ring.ts';

const algorithm = 'HS256';
const issuer = 'formstead';
const audience = 'formstead-api';
// RFC 9068's type keeps any other JWT that this key may sign one day from being taken for an access token.
const type = 'at+jwt';
const purpose = 'access-tokens';
const longestLifeSeconds = 24 * 3600;
// Ours have about 300 characters. jose itself overlooks white space around the parts.
const longestToken = 2048;
const shape = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * JSON Web Tokens by `jose`: HS256 and nothing else, by the key ring's key for access tokens, whose id is the `kid`.
 * `lifeSeconds` is at most 24 hours. Errors: throws a RangeError otherwise.
 */
export function createAccessTokens(deps: {
  keyRing: Pick<KeyRing, 'keyIds' | 'symmetricKey'>;
  clock: Clock;
  lifeSeconds: number;
}): AccessTokens {
  const { keyRing, clock, lifeSeconds } = deps;
  if (!Number.isInteger(lifeSeconds) || lifeSeconds < 1 || lifeSeconds > longestLifeSeconds) {
    throw new RangeError(`An access token lives 1 to ${longestLifeSeconds} whole seconds, not ${lifeSeconds}.`);
  }
  const [currentKeyId] = keyRing.keyIds(purpose);
  // Imported once for each key: jose would otherwise import the bytes again for every token.
  const keys = new Map(keyRing.keyIds(purpose).map((id) => [id, importKey(keyRing.symmetricKey(purpose, id)!.bytes)]));

  return {
    issue: async (subject) => {
      const issuedAt = Math.floor(clock.now() / 1000);
      const token = await new SignJWT({ sid: subject.sessionId, role: subject.role })
        .setProtectedHeader({ alg: algorithm, typ: type, kid: currentKeyId })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(subject.userId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + lifeSeconds)
        .sign(await keys.get(currentKeyId)!);
      return { token, expiresInSeconds: lifeSeconds };
    },

    verify: async (token) => {
      if (token.length > longestToken || !shape.test(token)) return undefined;
      try {
        const { payload } = await jwtVerify(
          token,
          ({ kid }) => keys.get(kid ?? '') ?? Promise.reject(new errors.JWKSNoMatchingKey()),
          {
            algorithms: [algorithm],
            typ: type,
            issuer,
            audience,
            requiredClaims: ['sub', 'sid', 'role', 'iat', 'exp'],
            currentDate: new Date(clock.now()),
          },
        );
        return claimsOf(payload);
      } catch (err) {
        // Whatever is wrong with the token ends here; a fault of our own does not.
        if (err instanceof errors.JOSEError) return undefined;
        throw err;
      }
    },
  };
}

function importKey(bytes: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', new Uint8Array(bytes), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
    'verify',
  ]);
}

function claimsOf(payload: Record<string, unknown>): AccessClaims | undefined {
  const { sub, sid, role, iat, exp } = payload;
  if (typeof sub !== 'string' || typeof sid !== 'string' || typeof iat !== 'number' || typeof exp !== 'number')
    return undefined;
  if (exp - iat > longestLifeSeconds || !isRole(role)) return undefined;
  return { userId: sub, sessionId: sid, role, issuedAt: iat * 1000, expiresAt: exp * 1000 };
}

function isRole(role: unknown): role is Role {
  return roles.includes(role as Role);
}
