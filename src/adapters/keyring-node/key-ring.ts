import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import type { KeyInput, KeyPurpose, KeyRing } from '#ports/key-ring.ts';

/** Shortest master secret, in characters: 128 bits when they are hexadecimal digits. */
export const minSecretLength = 32;

const nonceBytes = 12;
const tagBytes = 16;
const pseudonymBytes = 20;
// RFC 8410: an Ed25519 private key in PKCS #8 is this prefix and its 32-byte seed.
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The keys of one purpose from one master secret. */
type PurposeKeys = {
  id: string;
  mac: KeyObject;
  seal: KeyObject;
  signing: () => { secret: KeyObject; public: KeyObject };
};

/**
 * HKDF-SHA256 (RFC 5869) over each master secret; the info names purpose and use, so no two uses share a key.
 * Errors: throws when a secret is shorter than 32 characters.
 */
export function createKeyRing(deps: { current: string; previous?: readonly string[] }): KeyRing {
  const masters = [...new Set([deps.current, ...(deps.previous ?? [])])];
  if (masters.some((master) => master.length < minSecretLength)) {
    throw new Error(`A master secret needs at least ${minSecretLength} characters.`);
  }
  const known = new Map<KeyPurpose, [PurposeKeys, ...PurposeKeys[]]>();

  function keysOf(purpose: KeyPurpose): [PurposeKeys, ...PurposeKeys[]] {
    let keys = known.get(purpose);
    if (!keys) {
      keys = masters.map((master) => deriveKeys(master, purpose)) as [PurposeKeys, ...PurposeKeys[]];
      known.set(purpose, keys);
    }
    return keys;
  }

  function find(purpose: KeyPurpose, keyId: string | undefined): PurposeKeys | undefined {
    const keys = keysOf(purpose);
    return keyId === undefined ? keys[0] : keys.find((key) => key.id === keyId);
  }

  function hmac(purpose: KeyPurpose, data: KeyInput, keyId?: string): Buffer {
    const key = find(purpose, keyId);
    if (!key) throw new Error(`No key ${keyId} for ${purpose} in the ring.`);
    return createHmac('sha256', key.mac).update(data).digest();
  }

  return {
    keyIds: (purpose) => keysOf(purpose).map((key) => key.id) as [string, ...string[]],
    hmac,
    verifyHmac: (purpose, keyId, data, mac) =>
      find(purpose, keyId) !== undefined && equal(hmac(purpose, data, keyId), mac),
    sign: (purpose, data) => {
      const [key] = keysOf(purpose);
      return { keyId: key.id, signature: sign(null, bytesOf(data), key.signing().secret) };
    },
    verify: (purpose, keyId, data, signature) => {
      const key = find(purpose, keyId);
      return key !== undefined && verify(null, bytesOf(data), key.signing().public, signature);
    },
    publicKey: (purpose, keyId) => {
      const key = find(purpose, keyId);
      return (
        key && { keyId: key.id, bytes: Buffer.from(key.signing().public.export({ format: 'jwk' }).x!, 'base64url') }
      );
    },
    seal: (purpose, plaintext, context = '') => seal(keysOf(purpose)[0], purpose, bytesOf(plaintext), context),
    open: (purpose, sealed, context = '') => {
      const [version, keyId, body, more] = sealed.split('.');
      if (version !== 'v1' || !keyId || !body || more !== undefined) return undefined;
      const key = find(purpose, keyId);
      return key && open(key, purpose, Buffer.from(body, 'base64url'), context);
    },
    pseudonym: (purpose, text, keyId) =>
      hmac(purpose, `pseudonym\0${text}`, keyId).subarray(0, pseudonymBytes).toString('base64url'),
    symmetricKey: (purpose, keyId) => {
      const key = find(purpose, keyId);
      return key && { keyId: key.id, bytes: new Uint8Array(key.mac.export()) };
    },
  };
}

function deriveKeys(master: string, purpose: KeyPurpose): PurposeKeys {
  const derive = (use: string, length: number) =>
    Buffer.from(hkdfSync('sha256', master, 'formstead', `v1/${purpose}/${use}`, length));
  let pair: { secret: KeyObject; public: KeyObject } | undefined;
  return {
    id: derive('id', 8).toString('hex'),
    // As key objects: node copies and wraps raw bytes at every use, 22 µs for an HMAC instead of 3 (bench/primitives.ts).
    mac: createSecretKey(derive('mac', 32)),
    seal: createSecretKey(derive('seal', 32)),
    // Most purposes never sign, and making the pair takes longer than everything else together.
    signing: () => {
      if (!pair) {
        const secret = createPrivateKey({
          key: Buffer.concat([ed25519Prefix, derive('ed25519', 32)]),
          format: 'der',
          type: 'pkcs8',
        });
        pair = { secret, public: createPublicKey(secret) };
      }
      return pair;
    },
  };
}

function seal(key: PurposeKeys, purpose: KeyPurpose, plaintext: Uint8Array, context: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key.seal, nonce, { authTagLength: tagBytes });
  cipher.setAAD(associated(purpose, context));
  const body = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return `v1.${key.id}.${body.toString('base64url')}`;
}

function open(key: PurposeKeys, purpose: KeyPurpose, body: Buffer, context: string): Uint8Array | undefined {
  if (body.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key.seal, body.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(associated(purpose, context));
  decipher.setAuthTag(body.subarray(body.length - tagBytes));
  const plaintext = decipher.update(body.subarray(nonceBytes, body.length - tagBytes));
  try {
    return Buffer.concat([plaintext, decipher.final()]);
  } catch {
    return undefined;
  }
}

function associated(purpose: KeyPurpose, context: string): Buffer {
  return Buffer.from(`v1\0${purpose}\0${context}`);
}

function bytesOf(data: KeyInput): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
