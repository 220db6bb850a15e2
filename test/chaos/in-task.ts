import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../support/program.ts';
import type { Scene } from './faults.ts';
import type { Heal } from './means.ts';

/* A worker that is struck while it has a task in hand. That it has one is seen, not hoped for. */

const patienceMs = 60_000;

/** Resolves to what ran in the worker when it was killed. */
export async function killInTask({ world, means }: Scene, service: string, queue: string): Promise<string[]> {
  const id = await world.stack.container(service);
  const { release } = await keepWaiting(world, queue);
  try {
    return await eventually(async () => {
      // What stands still cannot end while it is looked at.
      await means.signalAll(id, 'SIGSTOP');
      const tasks = await world.running(queue);
      if (tasks.length > 0) {
        await means.kill(service);
        return tasks;
      }
      await means.signalAll(id, 'SIGCONT');
      await pause(50);
      return undefined;
    }, patienceMs);
  } finally {
    release();
  }
}

/** Of two workers the one that waits for an answer stands still, so that the other one takes its task over. */
export async function freezeInTask({ world, means }: Scene, service: string, queue: string) {
  const { stack } = world;
  const scale = (count: number, ...more: string[]) =>
    stack.compose('up', '--detach', '--no-deps', '--no-recreate', '--scale', `${service}=${count}`, ...more, service);
  await scale(2, '--wait');
  const { from, release } = await keepWaiting(world, queue);
  const ids = (await stack.compose('ps', '--quiet', service)).split('\n');
  const at = `{{(index .NetworkSettings.Networks "${stack.network('egress')}").IPAddress}}`;
  const addresses = await Promise.all(ids.map((id) => stack.docker('inspect', '--format', at, id)));
  const heal = await means.pause(ids[addresses.indexOf(from)]!);
  release();
  const interrupted = await world.running(queue);
  const tidy: Heal = async () => void (await scale(1));
  return { heal, tidy, interrupted };
}

/** A worker of these queues waits for the receiver; where nothing goes out, the load has to do. Resolves to where the worker is. */
async function keepWaiting(world: Scene['world'], queue: string): Promise<{ from: string; release(): void }> {
  if (queue === 'batched') return { from: '', release() {} };
  const isTest = (body: string) => body.includes('"webhook.test"');
  const { came, release } = world.receiver.holdNext((body) => isTest(body) === (queue === 'high-priority'));
  if (queue === 'high-priority') await world.call('POST', `/webhook-endpoints/${world.endpoint}/test`, 202);
  const late = new AbortController();
  const from = await Promise.race([
    came,
    pause(patienceMs, undefined, { signal: late.signal }).then(() => {
      throw new Error(`no delivery of the queue ${queue} came in ${patienceMs} ms`);
    }),
  ]);
  late.abort();
  return { from, release };
}
