import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { eventually } from '../support/program.ts';
import type { World } from './world.ts';

/** How long a backlog may take to be worked off: no recovery is measured by it. */
const settleMs = 240_000;

export const few = (ids: string[]) => ids.slice(0, 5).join(', ');

/** Waits until everything is worked off, then counts what is missing or there twice. */
export async function reckon(world: World, interrupted: string[]) {
  const complaints: string[] = [];
  const told = () => Map.groupBy(world.receiver.deliveries.values(), ({ responseId }) => responseId);
  const ids = [...world.acknowledged.values()].map(({ responseId }) => responseId);
  const done = async () => {
    const received = told();
    if (ids.every((id) => received.has(id)) && (await world.openTasks().catch(() => 1)) === 0) return true;
    // Counting costs the stand-in more than the work that is waited for.
    await pause(500);
    return false;
  };
  await eventually(done, settleMs).catch(() => {});
  const open = await world.openTasks();
  if (open > 0) complaints.push(`${open} tasks have not ended`);
  const received = told();
  const untold = ids.filter((id) => !received.has(id));
  if (untold.length > 0) complaints.push(`${untold.length} responses were never delivered: ${few(untold)}`);
  const deliveredTwice = ids.filter((id) => (received.get(id)?.length ?? 0) > 1);
  if (deliveredTwice.length > 0)
    complaints.push(`${deliveredTwice.length} responses were delivered under two webhook-ids: ${few(deliveredTwice)}`);
  complaints.push(...world.receiver.problems.splice(0), ...world.contradictions.splice(0));

  const verdict = await world.verify();
  complaints.push(...verdict.problems.map((problem) => `verify: ${problem}`));
  const { pending, dead, deliveries, events } = verdict;
  const unfinished = {
    pending,
    dead,
    waiting: events.waiting!,
    deliveries: deliveries.pending!,
    failed: deliveries.failed!,
  };
  if (Object.values(unfinished).some((count) => count > 0))
    complaints.push(`verify finds unfinished work: ${JSON.stringify(unfinished)}`);

  const kept = Map.groupBy(await world.kept(), ({ id }) => id);
  const missing = [...world.acknowledged.values()].filter(({ responseId }) => !kept.has(responseId));
  if (missing.length > 0)
    complaints.push(
      `${missing.length} acknowledged responses are missing: ${few(missing.map(({ responseId }) => responseId))}`,
    );
  const changed = [...world.acknowledged.values()].filter(({ responseId, receipt }) => {
    const found = kept.get(responseId);
    return found !== undefined && !isDeepStrictEqual(found[0]!.receipt, receipt);
  });
  if (changed.length > 0)
    complaints.push(
      `${changed.length} receipts are not those that were given: ${few(changed.map(({ responseId }) => responseId))}`,
    );
  const acknowledged = new Set(ids);
  const strange = [...kept.keys()].filter((id) => !acknowledged.has(id));
  if (strange.length > 0)
    complaints.push(`${strange.length} responses are kept that nobody was told of: ${few(strange)}`);

  for (const id of interrupted) {
    const { status, attempts } = await world.call('GET', `/tasks/${encodeURIComponent(id)}`, 200);
    if (status !== 'succeeded' || attempts < 2)
      complaints.push(`task ${id} was interrupted, and is ${status} after ${attempts} attempts`);
  }
  return { complaints, lost: missing.length, twice: strange.length + (ids.length - acknowledged.size), open };
}
