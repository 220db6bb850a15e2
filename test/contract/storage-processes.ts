import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Storage } from '#ports/storage.ts';
import type { ChildArguments, Job } from '../support/storage-child.ts';
import { checkedLinks } from './storage/chain-check.ts';
import { aResponse, aTask, itsTask, t0 } from './storage/documents.ts';
import {
  auditEntries,
  found,
  insertion,
  insertTasks,
  keep,
  listed,
  type Place,
  placeOf,
  taskOf,
  times,
  unavailable,
} from './storage/kit.ts';

const program = fileURLToPath(new URL('../support/storage-child.ts', import.meta.url));

/** A process that works on the store until it is killed, at the latest at the end of the test. */
function startChild(t: TestContext, place: Place, job: Job) {
  const args = { opener: place.opener, job } satisfies ChildArguments;
  const child = spawn(process.execPath, [program, JSON.stringify(args)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Half a coverage file, left by a kill, would spoil the report of the whole run.
    env: { ...process.env, NODE_V8_COVERAGE: '' },
  });
  const closed = once(child, 'close');
  const lines: string[] = [];
  let wake = () => {};
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    wake();
  });
  const kill = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  void closed.then(() => wake());
  t.after(kill);
  return {
    lines,
    kill,
    go: () => child.stdin.write('go\n'),
    /** The first line that begins so; the first of all for ''. */
    async line(start: string): Promise<string> {
      for (;;) {
        const line = lines.find((each) => each.startsWith(start));
        if (line !== undefined) return line;
        assert.equal(
          child.exitCode ?? child.signalCode,
          null,
          `the process ended without “${start}”: ${lines.join('\n')}`,
        );
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

/**
 * What must hold when processes share a store or are killed at work. `several`: whether several processes may open it at once; where they may not,
 * the second is refused.
 */
export function storageProcessContract(
  name: string,
  make: () => Promise<Place>,
  { several }: { several: boolean },
): void {
  const rule = (title: string, check: (place: Place, t: TestContext) => Promise<void>) =>
    test(title, { timeout: 60_000 }, async (t) => {
      const { place, end } = await placeOf({ name, make });
      t.after(end);
      await check(place, t);
    });

  suite(`${name}, processes`, () => {
    rule('of all that race for the same 200 tasks one wins each', (place, t) => racing(place, t, several ? 4 : 1));
    rule('ten kills in the middle of commits lose nothing that was acknowledged, and leave nothing half done', killing);
    for (const until of ['claimed', 'applied', 'settled'] as const) {
      rule(`the work of a process that was killed when its task was ${until} goes on from there`, (place, t) =>
        goingOn(place, t, until),
      );
    }
    if (!several) rule('a second process is refused while the first lives, and gets in once it was killed', refusing);
  });
}

async function racing(place: Place, t: TestContext, processes: number): Promise<void> {
  const tasks = times(200, () => aTask());
  const storage = await place.open();
  await insertTasks(storage, ...tasks);
  await storage.close();
  const job = { do: 'race', taskIds: tasks.map(({ id }) => id), claimers: 4 } as const;
  const children = times(processes, () => startChild(t, place, job));
  await Promise.all(children.map((child) => child.line('open')));
  for (const child of children) child.go();
  await Promise.all(children.map((child) => child.line('done')));
  await Promise.all(children.map((child) => child.kill()));
  const won = new Map<string, string>();
  for (const line of children.flatMap(({ lines }) => lines)) {
    const [what, id, lease] = line.split(' ') as [string, string, string];
    if (what !== 'won') continue;
    assert.equal(won.has(id), false, `${id} was won twice`);
    won.set(id, lease);
  }
  assert.equal(won.size, 200);
  const again = await place.open();
  for (const { id } of tasks) {
    const { attempts, lease } = await taskOf(again, id);
    assert.deepEqual([attempts, lease?.token], [1, won.get(id)]);
  }
}

async function killing(place: Place, t: TestContext): Promise<void> {
  const acknowledged = new Set<string>();
  let next = startChild(t, place, { do: 'commit' });
  for (let round = 1; round <= 10; round++) {
    const child = next;
    child.go();
    await child.line('rsp_');
    const afterMs = Math.random() * 150;
    await sleep(afterMs);
    await child.kill();
    // A process takes half a second to start: the next one does so while what this one left is looked at.
    if (round < 10) next = startChild(t, place, { do: 'commit' });
    for (const line of child.lines) if (line.startsWith('rsp_')) acknowledged.add(line);
    const storage = await place.open();
    await assertWhole(storage, acknowledged).catch((err: Error) => {
      err.message = `round ${round}, killed ${afterMs} ms after the first acknowledgement: ${err.message}`;
      throw err;
    });
    await storage.close();
    await place.check();
  }
  t.diagnostic(`${acknowledged.size} acknowledged responses`);
}

/** All that was acknowledged is there; each response has its task, its event and its audit entry, and none of these is without its response. */
async function assertWhole(storage: Storage, acknowledged: Set<string>): Promise<void> {
  const links = await checkedLinks(storage);
  const kept = new Set(links.map(({ response }) => response.id));
  for (const id of acknowledged) assert.ok(kept.has(id), `${id} was acknowledged and is lost`);
  for (const { response, steps } of links)
    assert.deepEqual(steps, [{ id: itsTask(response).id, status: 'pending' }], `the task of ${response.id}`);
  const events = await listed(storage, 'event', {}, 500);
  const sorted = (all: Iterable<string | undefined>) => [...all].toSorted();
  assert.deepEqual(sorted(events.map(({ doc }) => doc.responseId)), sorted(kept));
  assert.deepEqual(sorted((await auditEntries(storage)).map(({ subject }) => subject)), sorted(kept));
  const pending = (await storage.tasks.depths(t0)).find(({ queue }) => queue === 'batched')!.pending;
  assert.equal(pending, kept.size, 'as many tasks as responses');
}

async function goingOn(place: Place, t: TestContext, until: 'claimed' | 'applied' | 'settled'): Promise<void> {
  const [response, task] = [aResponse(), aTask()];
  const first = await place.open();
  await keep(first, insertion('response', response, { tasks: [task] }));
  await first.close();
  const child = startChild(t, place, { do: 'work', taskId: task.id, responseId: response.id, until });
  await child.line('done');
  await child.kill();

  const storage = await place.open();
  const { revision, doc } = await found(storage, 'response', response.id);
  assert.deepEqual(doc.applied, until === 'claimed' ? [] : [task.id]);
  assert.equal(revision, until === 'claimed' ? 1 : 2);
  const next = await storage.tasks.get(`${task.id}:next`);
  assert.equal(next?.status, until === 'claimed' ? undefined : 'pending');
  const token = 'lse_of_the_next_worker';
  const claim = await storage.tasks.claim(task.id, { token, until: t0 + 16_000 }, t0 + 8000);
  if (until === 'settled') {
    assert.equal(claim, undefined);
    assert.equal((await taskOf(storage, task.id)).status, 'succeeded');
    return;
  }
  assert.equal(claim?.attempts, 2);
  const settle = (lease: string) =>
    storage.commit({
      change: { op: 'settle', id: task.id, lease, settlement: { status: 'succeeded' }, now: t0 + 9000 },
    });
  assert.deepEqual(await settle(`lse_of_${task.id}`), { outcome: 'lease-lost' });
  assert.equal((await settle(token)).outcome, 'committed');
}

async function refusing(place: Place, t: TestContext): Promise<void> {
  const storage = await place.open();
  const refused = await startChild(t, place, { do: 'hold' }).line('');
  assert.match(refused, /^refused storage-unavailable .*Stop it/);
  await storage.ping();
  await storage.close();

  const holder = startChild(t, place, { do: 'hold' });
  await holder.line('open');
  await assert.rejects(place.open(), unavailable);
  await holder.kill();
  const again = await place.open();
  await again.ping();
}
