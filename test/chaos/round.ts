import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../support/program.ts';
import { type Answer, startLoad } from './clients.ts';
import type { Fault, Scene } from './faults.ts';
import { watchHealth } from './health.ts';
import { judgeAnswers } from './judgement.ts';
import { few, reckon } from './reckoning.ts';
import type { World } from './world.ts';

export type Round = {
  fault: Fault;
  acknowledged: number;
  /** Of the requests that were sent between fault and healing. */
  during: Answer[];
  /** From the healing, or the fault where it heals by itself. Undefined: never. */
  firstAcceptedMs: number | undefined;
  /** Until whatever waited began to be delivered again: of `resumedMs` the rest is the wait behind it. */
  firstWebhookMs: number | undefined;
  resumedMs: number | undefined;
  lost: number | undefined;
  twice: number | undefined;
  open: number | undefined;
  /** Why the round failed; empty when everything is as it must be. */
  complaints: string[];
};

const clients = 4;
/** Beyond the limit of a recovery, so that one that comes too late is measured. */
const slackMs = 60_000;
/** Of a fault that heals by itself. */
const watchedMs = 10_000;

/** Load, the fault, its healing, and everything that must be true afterwards. */
export async function playRound(
  scene: Scene,
  fault: Fault,
  { nth, plant }: { nth: number; plant: boolean },
): Promise<Round> {
  const { world } = scene;
  const complaints: string[] = [];
  const before = world.acknowledged.size;
  const load = startLoad({
    ask: world.stack.ask,
    form: world.form,
    clients,
    name: `r${nth}`,
    onAcknowledged(one) {
      const earlier = world.acknowledged.get(one.key);
      if (earlier)
        world.contradictions.push(`${one.key} was acknowledged as ${earlier.responseId} and ${one.responseId}`);
      world.acknowledged.set(one.key, one);
    },
  });
  const delivered = () => deliveredSince(world, 0) !== undefined;
  await eventually(async () => world.acknowledged.size >= before + clients * 2 && delivered(), 60_000);

  const health = watchHealth(world.stack);
  const { heal, tidy, interrupted = [] } = await fault.make(scene);
  const madeAt = performance.now();
  if (fault.lastsMs !== undefined && !fault.takenOver) await passed(madeAt + fault.lastsMs);
  const from = performance.now();
  if (!fault.takenOver) await heal?.();
  const firstAccepted = () => load.answers.find(({ sentAt, status }) => sentAt >= from && status === 202);
  const resumed = () => deliveredSince(world, from);
  const patienceMs = fault.limitMs + slackMs;
  const taken = takenUp(world, interrupted, patienceMs);
  await eventually(async () => firstAccepted() !== undefined && resumed() !== undefined, patienceMs).catch(() => {});
  const takenAt = await taken;
  // A fault that heals by itself is over in no time, and what it does to others is to be seen.
  const over = fault.takenOver || fault.lastsMs === undefined ? madeAt + (fault.lastsMs ?? watchedMs) : from;
  await passed(over);
  if (fault.takenOver) await heal?.();
  const seen = await health.stop();
  const unanswered = await load.stop(60_000);
  if (unanswered.length > 0) complaints.push(`${unanswered.length} requests got no 202 in the end: ${few(unanswered)}`);
  await tidy?.();

  const during = load.answers.filter(({ sentAt }) => sentAt >= madeAt && sentAt <= over);
  complaints.push(
    ...judgeAnswers(fault, { during, all: load.answers, health: seen.filter(({ sentAt }) => sentAt <= over) }),
  );
  const first = firstAccepted();
  const firstAcceptedMs = first && first.sentAt + first.ms - from;
  const webhooks = [...world.receiver.deliveries.values()].flatMap(({ at }) => (at >= from ? [at - from] : []));
  const firstWebhookMs = webhooks.length > 0 ? Math.min(...webhooks) : undefined;
  const resumedAt = resumed();
  const resumedMs = resumedAt && takenAt && Math.max(resumedAt, takenAt) - from;
  if (resumedMs === undefined || resumedMs > fault.limitMs)
    complaints.push(
      `work resumed after ${resumedMs === undefined ? 'never' : `${Math.round(resumedMs)} ms`}, the limit is ${fault.limitMs} ms`,
    );

  if (plant) await world.removeOne();
  const reckoning = await reckon(world, interrupted);
  complaints.push(...reckoning.complaints);
  const { lost, twice, open } = reckoning;
  return {
    fault,
    acknowledged: world.acknowledged.size - before,
    during,
    firstAcceptedMs,
    firstWebhookMs,
    resumedMs,
    lost,
    twice,
    open,
    complaints,
  };
}

const passed = (at: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())));

/** When the first webhook came of a response that was sent after `from` and acknowledged. */
function deliveredSince(world: World, from: number): number | undefined {
  const sent = new Set(
    [...world.acknowledged.values()].filter(({ sentAt }) => sentAt >= from).map((one) => one.responseId),
  );
  let first: number | undefined;
  for (const { responseId, at } of world.receiver.deliveries.values()) {
    if (sent.has(responseId) && (first === undefined || at < first)) first = at;
  }
  return first;
}

/** When the tasks that the fault cut off have all ended; undefined: not in `ms`. */
async function takenUp(world: World, interrupted: string[], ms: number): Promise<number | undefined> {
  const done = async (id: string) => {
    const { status } = await world.call('GET', `/tasks/${encodeURIComponent(id)}`, 200);
    if (status !== 'succeeded') await pause(200);
    return status === 'succeeded';
  };
  try {
    for (const id of interrupted) await eventually(() => done(id), ms);
    return performance.now();
  } catch {
    return undefined;
  }
}
