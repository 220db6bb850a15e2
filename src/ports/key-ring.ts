/**
 * Key ring: every key of the program comes from one master secret.
 *
 * Terminology
 * - **master secret**: what the operator keeps. The ring holds the current one and, during a rotation, earlier ones.
 * - **purpose**: what a key may be used for. One purpose never sees the key of another.
 * - **key id**: names the master secret a key came from, different for each purpose, public. It travels with whatever the key made.
 *
 * New signatures, hashes and sealed values always use the current secret; those of earlier secrets are still verified and opened while
 * their secret is in the ring.
 */
export const keyPurposes = {
  'access-tokens': 'signs the short-lived bearer tokens',
  'refresh-tokens': 'hashes refresh tokens before they are stored',
  'api-tokens': 'hashes API tokens before they are stored',
  'webhook-secrets': 'seals the signing secrets of webhook endpoints',
  cursors: 'authenticates the cursors of lists',
  receipts: 'signs the heads of receipt chains',
  audit: 'signs the head of the audit log',
  subjects: 'turns people into pseudonyms in the audit log',
  'idempotency-keys': 'hashes idempotency keys before they are stored',
} as const;

export type KeyPurpose = keyof typeof keyPurposes;

/** A string stands for its UTF-8 bytes. */
export type KeyInput = string | Uint8Array;

export interface KeyRing {
  /** Key ids of the purpose, the current one first. Never empty. 16 lower-case hex digits each. */
  keyIds(purpose: KeyPurpose): readonly [string, ...string[]];

  /** HMAC-SHA256, 32 bytes, by the current key or by `keyId`. Errors: throws on a key id that is not in the ring. */
  hmac(purpose: KeyPurpose, data: KeyInput, keyId?: string): Uint8Array;
  /** Whether `mac` is the HMAC of `data`, compared in constant time; false for an unknown key id. */
  verifyHmac(purpose: KeyPurpose, keyId: string, data: KeyInput, mac: Uint8Array): boolean;

  /** Ed25519 by the current key; the signature has 64 bytes. */
  sign(purpose: KeyPurpose, data: KeyInput): { keyId: string; signature: Uint8Array };
  /** False for a wrong signature and for an unknown key id. Errors: none. */
  verify(purpose: KeyPurpose, keyId: string, data: KeyInput, signature: Uint8Array): boolean;
  /** The raw 32 bytes of the Ed25519 public key, for those who check signatures elsewhere; undefined for an unknown key id. */
  publicKey(purpose: KeyPurpose, keyId?: string): { keyId: string; bytes: Uint8Array } | undefined;

  /**
   * AES-256-GCM by the current key: `v1.<key id>.<base64url of nonce, ciphertext, tag>`. `context` (such as the id of the row) is authenticated, not
   * stored: a sealed value moved to another row does not open.
   */
  seal(purpose: KeyPurpose, plaintext: KeyInput, context?: string): string;
  /** The plaintext, or undefined when the value was changed, belongs to another purpose or context, or its secret is not in the ring. Errors: none. */
  open(purpose: KeyPurpose, sealed: string, context?: string): Uint8Array | undefined;

  /** The same text gives the same 27 characters (base64url of 160 bits) while the secret stays; nobody without the secret can find the text by guessing. */
  pseudonym(purpose: KeyPurpose, text: string, keyId?: string): string;

  /** 32 raw bytes, only for adapters whose library wants the key itself; undefined for an unknown key id. */
  symmetricKey(purpose: KeyPurpose, keyId?: string): { keyId: string; bytes: Uint8Array } | undefined;
}
