import type { Session } from '#domain/account.ts';
import type { Ids } from '#ports/ids.ts';
import type { KeyRing } from '#ports/key-ring.ts';

/** A refresh token that we once issued, though perhaps not the newest of its session. */
export type PresentedRefresh = { sessionId: string; secret: string };

const purpose = 'refresh-tokens';
const secretBytes = 32;
const shape = /^(ses_[0-9a-f-]{36})\.([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{43})$/;

/**
 * `<session id>.<secret><mac>`, 32 bytes each in base64url. The store keeps a keyed hash of the newest secret only; the MAC tells an older token of ours,
 * whose use revokes the session, from garbage: a session id alone, which the audit log shows, must not be enough to end somebody's login.
 */
export function createRefreshTokens({
  keyRing,
  ids,
}: {
  keyRing: Pick<KeyRing, 'hmac' | 'verifyHmac' | 'keyIds'>;
  ids: Ids;
}) {
  /** The token for the person, and the hash for the store. */
  function issue(sessionId: string): { token: string; hash: string } {
    const secret = base64url(ids.randomBytes(secretBytes));
    const mac = base64url(keyRing.hmac(purpose, issuedText(sessionId, secret)));
    return {
      token: `${sessionId}.${secret}${mac}`,
      hash: base64url(keyRing.hmac(purpose, keptText(sessionId, secret))),
    };
  }

  /** Undefined for what we never issued. */
  function parse(token: string): PresentedRefresh | undefined {
    const [, sessionId = '', secret = '', mac = ''] = shape.exec(token) ?? [];
    if (sessionId === '' || !isOurs(issuedText(sessionId, secret), mac)) return undefined;
    return { sessionId, secret };
  }

  function isNewest(session: Session, { sessionId, secret }: PresentedRefresh): boolean {
    return isOurs(keptText(sessionId, secret), session.refreshHash);
  }

  /** By any key of the ring: logins outlive the rotation of the secret key. */
  function isOurs(text: string, mac: string): boolean {
    const bytes = Buffer.from(mac, 'base64url');
    return keyRing.keyIds(purpose).some((keyId) => keyRing.verifyHmac(purpose, keyId, text, bytes));
  }

  return { issue, parse, isNewest };
}

const issuedText = (sessionId: string, secret: string): string => `issued\n${sessionId}\n${secret}`;
const keptText = (sessionId: string, secret: string): string => `kept\n${sessionId}\n${secret}`;

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
