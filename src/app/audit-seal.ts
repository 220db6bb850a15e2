import { isYounger } from '#domain/age.ts';
import { type AuditEntry, type AuditSeal, sealOf } from '#domain/audit.ts';
import { genesis } from '#domain/receipt.ts';
import type { Clock } from '#ports/clock.ts';
import type { KeyRing } from '#ports/key-ring.ts';
import type { Log } from '#ports/log.ts';
import type { Commit, Storage } from '#ports/storage.ts';
import type { Auditor } from './audit.ts';
import { pages } from './every.ts';

/*
 * The audit log becomes a chain after the fact: entries are written with the commit they belong to, and one sealer at a time gives them, in the order they
 * were written, a number and a hash that covers the hash before. From time to time it signs the head. The signature is an entry itself (`audit.sign`), so
 * it is chained as well, and the log line that goes with it is a copy outside the store: whoever can rewrite the store and knows the secret key can
 * rewrite the chain, but not what the log collector has.
 */

type Deps = {
  storage: Pick<Storage, 'audit' | 'commit'>;
  keyRing: Pick<KeyRing, 'sign'>;
  clock: Clock;
  audit: Auditor;
  log: Log;
  /** A head is signed at most this often. */
  signEveryMs?: number;
};

export type Sealed = { sealed: number; seq: number; signed: boolean };

const signAction = 'audit.sign';
/** Entries of one write: about 200 kB, some milliseconds of the storage thread. */
const batch = 500;
const start: AuditSeal = { seq: 0, sha256: genesis, previous: genesis };

export function createAuditSealer({ storage, keyRing, clock, audit, log, signEveryMs = 3_600_000 }: Deps) {
  /** Seals what has come in, then signs if it is time. Two at once do no harm: the store takes the seals of one. */
  async function seal(signal?: AbortSignal, cause?: Commit['cause']): Promise<Sealed> {
    let sealed = 0;
    let head = (await storage.audit.lastSeal()) ?? start;
    while (!signal?.aborted) {
      const entries = await storage.audit.unsealed(batch);
      if (entries.length === 0) return { sealed, seq: head.seq, signed: await sign(head, cause) };
      const seals = chained(head, entries);
      if (!(await storage.audit.seal(seals))) break;
      sealed += entries.length;
      head = seals.at(-1)!.seal;
    }
    return { sealed, seq: head.seq, signed: false };
  }

  async function sign(head: AuditSeal, cause: Commit['cause']): Promise<boolean> {
    const [last] = (await storage.audit.list({ action: signAction, limit: 1 })).items;
    // Nothing since the last signature but its own entry.
    if (head.seq === 0 || last?.seal?.seq === head.seq) return false;
    const now = clock.now();
    if (last && isYounger(last.entry.at, now, signEveryMs)) return false;
    const { keyId, signature } = keyRing.sign('audit', signedText(head.seq, head.sha256));
    const details = {
      seq: head.seq,
      sha256: head.sha256,
      key_id: keyId,
      signature: Buffer.from(signature).toString('base64'),
    };
    const entry = audit({ actor: { kind: 'system', id: 'audit-sealer' } }, signAction, `audit:${head.seq}`, details);
    const result = await storage.commit({ change: { op: 'none' }, audit: [entry], cause });
    if (result.outcome !== 'committed') return false;
    log.info({ seq: head.seq, sha256: head.sha256 }, 'head of the audit log signed');
    return true;
  }

  return { seal };
}
export type AuditSealer = ReturnType<typeof createAuditSealer>;

function chained(head: AuditSeal, entries: AuditEntry[]): { id: string; seal: AuditSeal }[] {
  let last = head;
  return entries.map((entry) => {
    last = sealOf(entry, last.seq + 1, last.sha256);
    return { id: entry.id, seal: last };
  });
}

/** What a signature over a head covers. */
function signedText(seq: number, sha256: string): string {
  return `formstead-audit-v1\n${seq}\n${sha256}`;
}

export type AuditVerdict = {
  sealed: number;
  /** The tail that nothing protects yet; it grows between two runs of the sealer. */
  unsealed: number;
  /** Signed heads that were found and are good. */
  signatures: number;
  /** The first thing that does not add up, as a sentence. */
  broken?: string;
};

/**
 * Walks the log and recomputes the chain. Finds entries that were changed, removed or put in, and a tail that was cut off behind a signed head; not a tail
 * cut off together with its signature (compare the head with the one in the log).
 */
export async function verifyAudit(
  storage: Pick<Storage, 'audit'>,
  keyRing: Pick<KeyRing, 'verify'>,
): Promise<AuditVerdict> {
  const heads = await signedHeads(storage, keyRing);
  const verdict: AuditVerdict = {
    sealed: 0,
    unsealed: await storage.audit.unsealedCount(),
    signatures: heads.hashes.size,
    broken: heads.broken,
  };
  let head = start;
  for (;;) {
    const page = await storage.audit.sealed(head.seq, batch);
    for (const { entry, seal } of page) {
      verdict.broken ??= faultOf(entry, seal, head) ?? contradiction(seal, heads.hashes.get(seal.seq));
      head = seal;
    }
    verdict.sealed += page.length;
    if (page.length === 0) break;
  }
  const newest = Math.max(0, ...heads.hashes.keys());
  if (newest > head.seq) verdict.broken ??= `entry ${newest} was signed, and the log ends at entry ${head.seq}`;
  return verdict;
}

function faultOf(entry: AuditEntry, seal: AuditSeal, head: AuditSeal): string | undefined {
  if (seal.seq !== head.seq + 1) return `entry ${seal.seq} follows entry ${head.seq}; what was between is missing`;
  const expected = sealOf(entry, seal.seq, head.sha256);
  if (seal.previous !== head.sha256) return `entry ${seal.seq} (${entry.id}) does not continue the chain`;
  if (seal.sha256 !== expected.sha256) return `entry ${seal.seq} (${entry.id}) is not what was sealed`;
  return undefined;
}

function contradiction(seal: AuditSeal, signed: string | undefined): string | undefined {
  return signed === undefined || signed === seal.sha256
    ? undefined
    : `entry ${seal.seq} is not the one that was signed`;
}

/** Hashes by number of every signed head; `audit.sign` entries that are not sealed yet count too. */
async function signedHeads(
  storage: Pick<Storage, 'audit'>,
  keyRing: Pick<KeyRing, 'verify'>,
): Promise<{ hashes: Map<number, string>; broken: string | undefined }> {
  const hashes = new Map<number, string>();
  let broken: string | undefined;
  for await (const { items } of pages((after) => storage.audit.list({ action: signAction, limit: batch, after })))
    for (const { entry } of items) {
      const { seq, sha256, key_id, signature } = entry.details ?? {};
      const good =
        typeof seq === 'number' &&
        typeof sha256 === 'string' &&
        keyRing.verify('audit', String(key_id), signedText(seq, sha256), Buffer.from(String(signature), 'base64'));
      if (good) hashes.set(seq, sha256);
      else broken = `the signature in ${entry.id} is not good, or its secret key is not in the ring`;
    }
  return { hashes, broken };
}
