import { canonicalJson } from './canonical-json.ts';
import { sha256Hex } from './hash.ts';
import type { Json } from './json.ts';

/** Something an administrator, an editor, the operator or the system did. Subjects are ids; people appear as pseudonyms; form content never. */
export type AuditEntry = {
  id: string;
  at: number;
  actor: string;
  /** `<noun>.<verb>`, e.g. `form.publish`. */
  action: string;
  subject: string;
  requestId: string | undefined;
  details: { [key: string]: Json } | undefined;
};

/** Number and hash are given by the sealer, one leased task, after the commit the entry belongs to. */
export type AuditSeal = { seq: number; sha256: string; previous: string };

export function sealOf(entry: AuditEntry, seq: number, previous: string): AuditSeal {
  const sha256 = sha256Hex(`${previous}
${seq}
${canonicalJson(entry)}`);
  return { seq, sha256, previous };
}
