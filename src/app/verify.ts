import { fanOutTaskId } from '#domain/consequences.ts';
import { type ChainHead, genesis, nextReceipt, payloadSha256 } from '#domain/receipt.ts';
import { receiptPayload } from '#domain/response.ts';
import { isFinished } from '#domain/task.ts';
import type { TaskPayloads } from '#domain/task-kinds.ts';
import { deliveryTaskPrefix } from '#domain/webhook/delivery.ts';
import type { WebhookEvent } from '#domain/webhook/model.ts';
import type { Clock } from '#ports/clock.ts';
import type { KeyRing } from '#ports/key-ring.ts';
import type { Chain, Link, Storage, Stored } from '#ports/storage.ts';
import { type AuditVerdict, verifyAudit } from './audit-seal.ts';
import { pages } from './every.ts';
import { signedText } from './receipts.ts';

export type Verdict = {
  responses: number;
  chains: number;
  completed: number;
  /** Waiting, running or retrying. */
  pending: number;
  /** Their work is a dead letter or was cancelled: kept, and somebody decided or must decide. */
  dead: number;
  /** Those young enough for their fan-out to be kept. `dead`: their fan-out is a dead letter or was cancelled. */
  events: { passedOn: number; waiting: number; dead: number };
  deliveries: { delivered: number; pending: number; failed: number; cancelled: number };
  audit: AuditVerdict;
  /** What does not add up, at most 100 lines; empty when everything does. */
  problems: string[];
};

type Deps = {
  storage: Pick<Storage, 'receipts' | 'get' | 'list' | 'tasks' | 'audit'>;
  keyRing: Pick<KeyRing, 'verify'>;
  clock: Clock;
  /** For so long the store keeps a finished task at least; raised a moment ago, it was kept for less. */
  taskRetentionMs: number;
};

const page = 500;
const mostProblems = 100;

/**
 * Reconciles everything: each receipt against its response and its neighbours, each signature, each response against its work, each event against its
 * fan-out, each delivery against its task. Reads a page at a time, so the size of the store does not matter. `progress` is called with the responses seen
 * so far. Works beside a running server: what does not add up is looked at once more before it is reported.
 */
export async function verifyStore(deps: Deps, progress: (seen: number) => void = () => {}): Promise<Verdict> {
  const { storage, keyRing } = deps;
  const verdict: Verdict = {
    responses: 0,
    chains: 0,
    completed: 0,
    pending: 0,
    dead: 0,
    events: { passedOn: 0, waiting: 0, dead: 0 },
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
    // A process that began while the earlier pages were read.
    if (!links.every(({ receipt }) => walk.knows(receipt.chain))) walk.learn(await storage.receipts.chains());
    for (const link of links) {
      walk.step(link);
      await countWork(storage, link, verdict, report);
    }
    verdict.responses += links.length;
    after = links.at(-1)!.position;
    progress(verdict.responses);
  }
  walk.end();
  await checkEvents(deps, verdict, report);
  await checkDeliveries(storage, verdict, report);
  return verdict;
}

/**
 * Follows the receipts, those of each chain in the order of writing: dense numbers, unbroken hashes, payloads that still are what was acknowledged, true
 * signatures. Chains of several processes grow beside each other; each names the newest link that it saw when it began, and that one must be there.
 */
function chainWalk(chains: Chain[], keyRing: Pick<KeyRing, 'verify'>, report: (problem: string) => void) {
  const byId = new Map<string, Chain>();
  const heads = new Map<string, ChainHead>();
  /** By the hash of the link they begin at: the chains that still wait to see it. */
  const awaited = new Map<string, string[]>();
  const signaturesSeen = new Set<string>();
  learn(chains);

  function learn(found: Chain[]): void {
    for (const chain of found) {
      if (byId.has(chain.id)) continue;
      byId.set(chain.id, chain);
      if (!chain.previous) continue;
      const { sha256 } = chain.previous;
      awaited.set(sha256, [...(awaited.get(sha256) ?? []), chain.id]);
    }
  }

  function step({ receipt, response }: Link): void {
    const head = heads.get(receipt.chain) ?? startOf(receipt.chain);
    const payloadHash = payloadSha256(response.salt, receiptPayload(response));
    if (payloadHash !== response.payloadSha256)
      report(`${response.id}: the answers are not the ones that were acknowledged`);
    const expected = nextReceipt(head, response.id, payloadHash);
    if (receipt.seq !== expected.seq)
      report(`${response.id}: receipt ${receipt.seq} follows receipt ${head.seq}; a response is missing`);
    else if (receipt.sha256 !== expected.sha256 || receipt.previous !== expected.previous)
      report(`${response.id}: its receipt does not continue the chain`);
    const reached = { chain: receipt.chain, seq: receipt.seq, sha256: receipt.sha256 };
    heads.set(receipt.chain, reached);
    awaited.delete(receipt.sha256);
    checkSignature(reached);
  }

  function startOf(id: string): ChainHead {
    const chain = byId.get(id);
    if (!chain) report(`chain ${id} is not recorded`);
    return { chain: id, seq: 0, sha256: chain?.previous?.sha256 ?? genesis };
  }

  function checkSignature(head: ChainHead): void {
    const signed = byId.get(head.chain)?.signed;
    if (!signed || signed.seq !== head.seq) return;
    signaturesSeen.add(head.chain);
    const good =
      signed.sha256 === head.sha256 &&
      keyRing.verify('receipts', signed.keyId, signedText(head), Buffer.from(signed.signature, 'base64'));
    if (!good) report(`chain ${head.chain}: the signature over receipt ${signed.seq} is not good`);
  }

  function end(): void {
    for (const id of [...awaited.values()].flat())
      report(`chain ${id} does not continue the chain before it; responses at its end are missing`);
    for (const chain of chains) {
      if (chain.signed && !signaturesSeen.has(chain.id))
        report(`chain ${chain.id}: receipt ${chain.signed.seq} was signed and is missing`);
    }
  }
  return { knows: (id: string) => byId.has(id), learn, step, end };
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

/**
 * Every event has its fan-out, or what came of one. Its task is of the same commit and is kept for the retention at least, so only younger events are looked
 * at; an older one without deliveries may be a fan-out that is long over.
 */
async function checkEvents(deps: Deps, verdict: Verdict, report: (problem: string) => void): Promise<void> {
  const from = deps.clock.now() - deps.taskRetentionMs;
  for await (const events of pages((after) => deps.storage.list('event', { from, limit: page, after }))) {
    // A test is sent without a fan-out: its delivery is of the same commit.
    const told = events.items.map(({ doc }) => doc).filter(({ type }) => type !== 'webhook.test');
    const standings = await Promise.all(told.map((event) => standingOf(event, deps)));
    told.forEach((event, i) => {
      const standing = standings[i]!;
      if (standing === 'lost') report(`${event.id}: the event was not passed on, and no task does it`);
      else if (standing !== 'gone') verdict.events[standing] += 1;
    });
  }
}

async function standingOf(
  event: WebhookEvent,
  { storage, clock, taskRetentionMs }: Deps,
): Promise<keyof Verdict['events'] | 'gone' | 'lost'> {
  const fanOut = await storage.tasks.get(fanOutTaskId(event.id));
  if (fanOut && !isFinished(fanOut.status)) return 'waiting';
  if (fanOut) return fanOut.status === 'succeeded' ? 'passedOn' : 'dead';
  const deliveries = await storage.list('delivery', { where: { eventId: event.id }, limit: 1 });
  if (deliveries.items.length > 0) return 'passedOn';
  // Verifying takes time, and the server prunes meanwhile: the task goes when the event is past the retention, the event some time later.
  const pruned = event.at < clock.now() - taskRetentionMs || !(await storage.get('event', event.id));
  return pruned ? 'gone' : 'lost';
}

async function checkDeliveries(
  storage: Deps['storage'],
  verdict: Verdict,
  report: (problem: string) => void,
): Promise<void> {
  let dead = new Set<string>();
  for await (const deliveries of pages((after) => storage.list('delivery', { limit: page, after }))) {
    const pending = deliveries.items.filter(({ doc }) => doc.status === 'pending');
    const alive = await Promise.all(pending.map(({ doc }) => storage.tasks.alive(deliveryTaskPrefix(doc.id))));
    const idle = pending.filter((_, i) => !alive[i]);
    for (const { doc } of deliveries.items) verdict.deliveries[doc.status] += 1;
    // Most pages have none; one whose idle deliveries were not known as dead when these were last read reads the dead letters again.
    if (idle.some(({ doc }) => !dead.has(doc.id))) dead = await deadDeliveries(storage);
    for (const stored of idle) {
      verdict.deliveries.pending -= 1;
      const standing = dead.has(stored.doc.id) ? 'failed' : await secondLook(storage, stored);
      if (standing === 'gone') continue;
      verdict.deliveries[standing === 'idle' ? 'pending' : standing] += 1;
      if (standing === 'idle') report(`${stored.doc.id}: the delivery is pending, and no task makes it`);
    }
  }
}

/**
 * A delivery that was pending without a task: it may have ended in between, or its dead letter was requeued. The task first, then the delivery: a task that
 * is not there any more has left its mark on the delivery before it ended.
 */
async function secondLook(
  storage: Deps['storage'],
  { doc, revision }: Stored<'delivery'>,
): Promise<keyof Verdict['deliveries'] | 'gone' | 'idle'> {
  if (await storage.tasks.alive(deliveryTaskPrefix(doc.id))) return 'pending';
  const now = await storage.get('delivery', doc.id);
  if (now === undefined) return 'gone';
  return now.revision === revision ? 'idle' : now.doc.status;
}

/** Deliveries whose task is a dead letter: its worker fell silent at the last attempt, or threw there. */
async function deadDeliveries({ tasks }: Deps['storage']): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const failed of pages((after) => tasks.list({ status: 'failed', limit: page, after })))
    for (const { kind, payload } of failed.items)
      if (kind === 'deliver-webhook') found.add((payload as TaskPayloads['deliver-webhook']).delivery_id);
  return found;
}

/** The one line that `formstead verify` prints. */
export function verdictLine(verdict: Verdict): string {
  const { events, deliveries } = verdict;
  const sum = verdict.problems.length === 0 ? 'ok' : `${verdict.problems.length} PROBLEMS`;
  return (
    `verify: ${sum}: ${verdict.responses} receipts = ${verdict.responses} responses in ${verdict.chains} chains; ` +
    `${verdict.completed} completed, ${verdict.pending} pending, ${verdict.dead} dead; ` +
    `events ${events.passedOn} passed on, ${events.waiting} waiting, ${events.dead} dead; ` +
    `deliveries ${deliveries.delivered} delivered, ${deliveries.pending} pending, ${deliveries.failed} failed, ${deliveries.cancelled} cancelled; ` +
    `audit ${verdict.audit.sealed} sealed, ${verdict.audit.unsealed} unsealed`
  );
}
