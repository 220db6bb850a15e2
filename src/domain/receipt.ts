import { sha256Hex } from './hash.ts';

/**
 * Receipts form one hash chain per writing process (a global chain would be a bottleneck on several API processes):
 *
 *   sha256 = SHA-256(previous || response id || SHA-256(salt || canonical payload))
 *
 * The salt is kept with the response and erased with it: the bare hash of a small answer could be guessed, so receipts outlive an erasure.
 * A new chain names the head of the one before it; a batch whose outcome is unknown ends its chain.
 */
export type Receipt = { chain: string; seq: number; sha256: string; previous: string };

export type ChainHead = { chain: string; seq: number; sha256: string };

/** `previous` of the very first receipt of an installation: 64 zeros. */
export const genesis = '0'.repeat(64);

/** Hex digest of the salted payload; `salt` is hex, `payload` canonical JSON. */
export function payloadSha256(salt: string, payload: string): string {
  return sha256Hex(`${salt}\n${payload}`);
}

export function nextReceipt(head: ChainHead, responseId: string, payloadHash: string): Receipt {
  const sha256 = sha256Hex(`${head.sha256}\n${responseId}\n${payloadHash}`);
  return { chain: head.chain, seq: head.seq + 1, sha256, previous: head.sha256 };
}
