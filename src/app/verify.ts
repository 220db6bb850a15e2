import { genesis, nextReceipt, payloadSha256 } from '#domain/receipt.ts';
import { receiptPayload } from '#domain/response.ts';
import { isFinished } from '#domain/task.ts';
import type { TaskPayloads } from '#domain/task-kinds.ts';
import { deliveryTaskPrefix } from '#domain/webhook/delivery.ts';
import type { KeyRing } from '#ports/key-ring.ts';
import type { Chain, Link, Storage } from '#ports/storage.ts';
import { type AuditVerdict, verifyAudit } from './audit-seal.ts';
import { signedText } from './receipts.ts';

export type Verdict = {
  responses: number;
  chains: number;
  completed: number;
  /** Waiting, running or retrying. */
  pending: number;
  /** Their work is a dead letter or was cancelled: kept, and somebody decided or must decide. */
  dead: number;
  deliveries: { delivered: number; pending: number; failed: number; cancelled: number };
  audit: AuditVerdict;
  /** What does not add up, at most 100 lines; empty when everything does. */
  problems: string[];
};

type Deps = {
  storage: Pick<Storage, 'receipts' | 'get' | 'list' | 'tasks' | 'audit'>;
  keyRing: Pick<KeyRing, 'verify'>;
};

const page = 500;
const mostProblems = 100;

/**
 * Reconciles everything: each receipt against its response and its neighbours, each signature, each response against its work, each delivery
 * against its task. Reads a page at a time, so the size of the store does not matter. `progress` is called with the responses seen so far.
 */
export async function verifyStore(deps: Deps, progress: (seen: number) => void = () => {}): Promise<Verdict> {
  const { storage, keyRing } = deps;
  const verdict: Verdict = {
    responses: 0,
    chains: 0,
    completed: 0,
    pending: 0,
    dead: 0,
    deliveries: { delivered: 0, pending: 0, failed: 0, cancelled: 0 },
    audit: await verifyAudit(storage, keyRing),
    problems: [],
  };
  const report = (problem: string) => {
    if (verdict.problems.length < mostProblems) verdict.problems.push(problem);
  };
  if (verdict.audit.broken) report(`audit: ${verdict.audit.broken}`);

  const chains = await storage.receipts.chains();
  verdict.chains = chains.length;
  const walk = chainWalk(chains, keyRing, report);
  let after = 0;
  for (;;) {
    const links = await storage.receipts.links(after, page);
    if (links.length === 0) break;
    for (const link of links) {
      walk.step(link);
      await countWork(storage, link, verdict, report);
    }
    verdict.responses += links.length;
    after = links.at(-1)!.position;
    progress(verdict.responses);
  }
  walk.end();
  await checkDeliveries(storage, verdict, report);
  return verdict;
}

/** Follows the receipts in the order of writing: dense numbers, unbroken hashes, payloads that still are what was acknowledged, true signatures. */
function chainWalk(chains: Chain[], keyRing: Pick<KeyRing, 'verify'>, report: (problem: string) => void) {
  const byId = new Map(chains.map((chain) => [chain.id, chain]));
  let head = { chain: '', seq: 0, sha256: genesis };
  const signaturesSeen = new Set<string>();

  function step({ receipt, response }: Link): void {
    if (receipt.chain !== head.chain) enter(receipt.chain);
    const payloadHash = payloadSha256(response.salt, receiptPayload(response));
    if (payloadHash !== response.payloadSha256)
      report(`${response.id}: the answers are not the ones that were acknowledged`);
    const expected = nextReceipt(head, response.id, payloadHash);
    if (receipt.seq !== expected.seq)
      report(`${response.id}: receipt ${receipt.seq} follows receipt ${head.seq}; a response is missing`);
    else if (receipt.sha256 !== expected.sha256 || receipt.previous !== expected.previous)
      report(`${response.id}: its receipt does not continue the chain`);
    head = { chain: receipt.chain, seq: receipt.seq, sha256: receipt.sha256 };
    checkSignature();
  }

  function enter(id: string): void {
    const chain = byId.get(id);
    if (!chain) report(`chain ${id} is not recorded`);
    else if (chain.previous ? chain.previous.sha256 !== head.sha256 : head.sha256 !== genesis) {
      report(`chain ${id} does not continue the chain before it; responses at its end are missing`);
    }
    head = { chain: id, seq: 0, sha256: head.sha256 };
  }

  function checkSignature(): void {
    const signed = byId.get(head.chain)?.signed;
    if (!signed || signed.seq !== head.seq) return;
    signaturesSeen.add(head.chain);
    const good =
      signed.sha256 === head.sha256 &&
      keyRing.verify('receipts', signed.keyId, signedText(head), Buffer.from(signed.signature, 'base64'));
    if (!good) report(`chain ${head.chain}: the signature over receipt ${signed.seq} is not good`);
  }

  function end(): void {
    for (const chain of chains) {
      if (chain.signed && !signaturesSeen.has(chain.id))
        report(`chain ${chain.id}: receipt ${chain.signed.seq} was signed and is missing`);
    }
  }
  return { step, end };
}

/** Every response is done, or something still works on it, or a dead letter says why not. */
async function countWork(
  storage: Deps['storage'],
  { response, steps }: Link,
  verdict: Verdict,
  report: (problem: string) => void,
): Promise<void> {
  const own = steps.filter(({ id }) => id.includes(':understand'));
  if (response.status === 'completed') verdict.completed += 1;
  else if (own.some(({ status }) => !isFinished(status))) verdict.pending += 1;
  else if (response.stoppedAt !== undefined) verdict.dead += 1;
  else if (own.some(({ status }) => status === 'failed' || status === 'cancelled')) verdict.dead += 1;
  // Beside a running server: the response was read before its tasks, and may have been understood in between.
  else if ((await storage.get('response', response.id))?.doc.status === 'completed') verdict.completed += 1;
  else report(`${response.id}: it waits to be understood, and no task does it`);
}

async function checkDeliveries(
  storage: Deps['storage'],
  verdict: Verdict,
  report: (problem: string) => void,
): Promise<void> {
  let dead: Set<string> | undefined;
  let after: string | undefined;
  do {
    const deliveries = await storage.list('delivery', { limit: page, after });
    const pending = deliveries.items.filter(({ doc }) => doc.status === 'pending');
    const alive = await Promise.all(pending.map(({ doc }) => storage.tasks.alive(deliveryTaskPrefix(doc.id))));
    const idle = new Set(pending.filter((_, i) => !alive[i]));
    for (const stored of deliveries.items) {
      const { id } = stored.doc;
      // As with the responses: an idle one that has changed since it was read is not idle.
      const now = idle.has(stored) ? await storage.get('delivery', id) : stored;
      if (now === undefined) continue;
      if (now.revision !== stored.revision || !idle.has(stored)) {
        verdict.deliveries[now.doc.status] += 1;
        continue;
      }
      dead ??= await deadDeliveries(storage);
      verdict.deliveries[dead.has(id) ? 'failed' : 'pending'] += 1;
      if (!dead.has(id)) report(`${id}: the delivery is pending, and no task makes it`);
    }
    after = deliveries.next;
  } while (after !== undefined);
}

/** Deliveries whose task is a dead letter: its worker fell silent at the last attempt, or threw there. */
async function deadDeliveries({ tasks }: Deps['storage']): Promise<Set<string>> {
  const found = new Set<string>();
  let after: string | undefined;
  do {
    const failed = await tasks.list({ status: 'failed', limit: page, after });
    for (const { kind, payload } of failed.items)
      if (kind === 'deliver-webhook') found.add((payload as TaskPayloads['deliver-webhook']).delivery_id);
    after = failed.next;
  } while (after !== undefined);
  return found;
}

/** The one line that `formstead verify` prints. */
export function verdictLine(verdict: Verdict): string {
  const { deliveries } = verdict;
  const sum = verdict.problems.length === 0 ? 'ok' : `${verdict.problems.length} PROBLEMS`;
  return (
    `verify: ${sum}: ${verdict.responses} receipts = ${verdict.responses} responses in ${verdict.chains} chains; ` +
    `${verdict.completed} completed, ${verdict.pending} pending, ${verdict.dead} dead; ` +
    `deliveries ${deliveries.delivered} delivered, ${deliveries.pending} pending, ${deliveries.failed} failed, ${deliveries.cancelled} cancelled; ` +
    `audit ${verdict.audit.sealed} sealed, ${verdict.audit.unsealed} unsealed`
  );
}
