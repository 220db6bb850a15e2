import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { AppError } from '#domain/errors.ts';
import type { Json } from '#domain/json.ts';
import { withApplied } from '#domain/response.ts';
import type { Storage } from '#ports/storage.ts';
import { createIds } from '../../src/adapters/ids-uuid/ids.ts';
import { anEntry, anEvent, aResponse, aTask, itsTask, t0 } from '../contract/storage/documents.ts';

/*
 * A process of its own that works on a store until it is killed (test/contract/storage-processes.ts). Its job is JSON on the command line; it tells of
 * what it has done by lines on stdout, each written in one piece and only after the store has answered.
 */
export type Job =
  /** Opens the store and does nothing. */
  | { do: 'hold' }
  /** Waits for a line on stdin, opens the store, commits responses, eight at a time, and tells the id of each that was acknowledged. */
  | { do: 'commit' }
  /** Claims the task and goes on up to the given step. */
  | { do: 'work'; taskId: string; responseId: string; until: 'claimed' | 'applied' | 'settled' }
  /** Opens the store and waits for a line on stdin; then `claimers` at once each try to claim every task, and tell of each one that they won. */
  | { do: 'race'; taskIds: string[]; claimers: number };

export type ChildArguments = { opener: { module: string; args: Json }; job: Job };

const say = (line: string) => void writeSync(1, `${line}\n`);
const ids = createIds({ clock: { now: () => Date.now() } });

async function commitForever(storage: Storage): Promise<never> {
  for (;;) {
    const response = aResponse({ id: ids.next('rsp'), answers: { message: 'Größe '.repeat(40) } });
    await storage.commit({
      change: { op: 'insert', kind: 'response', doc: response },
      also: [{ kind: 'event', doc: anEvent({ id: `evt_${response.id.slice(4)}`, responseId: response.id }) }],
      tasks: [itsTask(response)],
      audit: [anEntry({ id: `adt_${response.id.slice(4)}`, subject: response.id })],
    });
    say(response.id);
  }
}

async function work(storage: Storage, job: Extract<Job, { do: 'work' }>): Promise<void> {
  const { taskId, responseId, until } = job;
  const lease = { token: `lse_of_${taskId}`, until: t0 + 8000 };
  await storage.tasks.claim(taskId, lease, t0);
  if (until === 'claimed') return;
  const { revision, doc } = (await storage.get('response', responseId))!;
  const cause = { taskId, lease: lease.token };
  await storage.commit({
    change: {
      op: 'update',
      kind: 'response',
      doc: { ...doc, applied: withApplied(doc.applied, taskId) },
      expect: revision,
    },
    tasks: [aTask({ id: `${taskId}:next`, root: taskId })],
    cause,
  });
  if (until === 'applied') return;
  const settlement = { status: 'succeeded' } as const;
  await storage.commit({ change: { op: 'settle', id: taskId, lease: lease.token, settlement, now: t0 + 1 } });
}

async function race(storage: Storage, job: Extract<Job, { do: 'race' }>): Promise<void> {
  const claimer = async (_: unknown, n: number) => {
    const start = Math.floor((n * job.taskIds.length) / (2 * job.claimers));
    for (const id of [...job.taskIds.slice(start), ...job.taskIds.slice(0, start)]) {
      const lease = { token: ids.next('lse'), until: t0 + 8000 };
      const task = await storage.tasks.claim(id, lease, t0);
      if (task) say(`won ${id} ${lease.token}`);
    }
  };
  await Promise.all(Array.from({ length: job.claimers }, claimer));
}

const lineOnStdin = () => new Promise((resolve) => createInterface(process.stdin).once('line', resolve));

const { opener, job } = JSON.parse(process.argv[2]!) as ChildArguments;
const { open } = (await import(opener.module)) as { open: (args: Json) => Promise<Storage> };
try {
  if (job.do === 'commit') await lineOnStdin();
  const storage = await open(opener.args);
  say('open');
  if (job.do === 'commit') await Promise.all(Array.from({ length: 8 }, () => commitForever(storage)));
  if (job.do === 'work') await work(storage, job);
  if (job.do === 'race') {
    await lineOnStdin();
    await race(storage, job);
  }
  say('done');
  // Until it is killed.
  setInterval(() => {}, 60_000);
} catch (err) {
  say(err instanceof AppError ? `refused ${err.code} ${err.detail}` : `failed ${(err as Error).stack}`);
  process.exitCode = 1;
}
