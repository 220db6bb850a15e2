import type { ChainHead } from '#domain/receipt.ts';
import type { Clock } from '#ports/clock.ts';
import type { KeyRing } from '#ports/key-ring.ts';
import type { Storage } from '#ports/storage.ts';

type Deps = { storage: Pick<Storage, 'receipts'>; keyRing: Pick<KeyRing, 'sign'>; clock: Clock };

/** Signs the head of this process's receipt chain (Ed25519) at intervals and at its end: who holds a signed head can tell a rewritten past. */
export function createReceiptSigner({ storage, keyRing, clock }: Deps) {
  let signed: string | undefined;

  /** Returns whether there was anything new to sign. */
  async function signHead(): Promise<boolean> {
    const head = await storage.receipts.head();
    if (!head || head.sha256 === signed) return false;
    const { keyId, signature } = keyRing.sign('receipts', signedText(head));
    await storage.receipts.sign(head.chain, {
      seq: head.seq,
      sha256: head.sha256,
      keyId,
      signature: Buffer.from(signature).toString('base64'),
      at: clock.now(),
    });
    signed = head.sha256;
    return true;
  }
  return { signHead };
}

/** What a signature over a head covers. */
export function signedText(head: ChainHead): string {
  return `formstead-receipts-v1\n${head.chain}\n${head.seq}\n${head.sha256}`;
}
