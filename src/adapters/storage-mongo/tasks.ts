import { randomUUID } from 'node:crypto';
import type { Collection, Filter, UpdateFilter } from 'mongodb';
import type { AuditEntry } from '#domain/audit.ts';
import { type QueueName, queueNames, type Task, type TaskStatus } from '#domain/task.ts';
import type { DueTask, QueueDepth, TaskStore } from '#ports/storage.ts';
import { auditRecord, type OutboxEntry, type TaskRecord } from './collections.ts';
import type { Couriers } from './commit/couriers.ts';
import { answered, hasty } from './connection.ts';
import { taskOf } from './task-records.ts';

type Held = { id: string; token: string; progress: number };

const projection = { outbox: 0 } as const;
const waiting: TaskStatus[] = ['pending', 'retrying'];
const beginsWith = (prefix: string) => ({ $gte: prefix, $lt: `${prefix}\u{10ffff}` });

export function createTaskStore({ tasks, couriers }: { tasks: Collection<TaskRecord>; couriers: Couriers }): TaskStore {
  const asTasks = (records: TaskRecord[]): Task[] => records.map(taskOf);

  async function claim(id: string, lease: { token: string; until: number }, now: number): Promise<Task | undefined> {
    const record = await tasks.findOneAndUpdate(
      { _id: id, wakeAt: { $lte: now }, attemptsLeft: { $gt: 0 } },
      {
        $set: { status: 'running', leaseToken: lease.token, wakeAt: lease.until, progress: 0, finishedAt: null },
        $inc: { attempts: 1, attemptsLeft: -1 },
        $min: { startedAt: now },
      },
      { returnDocument: 'after', projection, writeConcern: hasty },
    );
    return record ? taskOf(record) : undefined;
  }

  async function extend(held: Held[], until: number): Promise<{ lost: string[]; cancelled: string[] }> {
    if (held.length === 0) return { lost: [], cancelled: [] };
    await tasks.bulkWrite(
      held.map(({ id, token, progress }) => ({
        updateOne: {
          filter: { _id: id, leaseToken: token, status: 'running' },
          update: { $set: { wakeAt: until }, $max: { progress } },
        },
      })),
      { ordered: false, writeConcern: hasty },
    );
    const ids = held.map(({ id }) => id);
    const found = await tasks
      .find({ _id: { $in: ids }, status: 'running' })
      .project<Pick<TaskRecord, '_id' | 'leaseToken' | 'cancelRequested'>>({ leaseToken: 1, cancelRequested: 1 })
      .toArray();
    const byId = new Map(found.map((record) => [record._id, record]));
    const holds = ({ id, token }: Held) => byId.get(id)?.leaseToken === token;
    return {
      lost: held.filter((each) => !holds(each)).map(({ id }) => id),
      cancelled: held.filter((each) => holds(each) && byId.get(each.id)!.cancelRequested).map(({ id }) => id),
    };
  }

  /** Changes a task if the filter fits, and carries the audit entries along. */
  async function change(filter: Filter<TaskRecord>, set: Partial<TaskRecord>, audit: AuditEntry[]): Promise<boolean> {
    const commit = randomUUID();
    const entry: OutboxEntry = { also: [], tasks: [], audit: audit.map(auditRecord), drop: null, response: false };
    const carried = audit.length > 0;
    const update: UpdateFilter<TaskRecord> = {
      $set: { ...set, ...(carried && { [`outbox.${commit}`]: entry }) },
      ...(carried && { $inc: { waiting: 1 } }),
    };
    const done = await tasks.updateOne(filter, update);
    if (done.matchedCount === 0) return false;
    if (carried) await couriers.sent([{ collection: 'tasks', id: filter._id as string, commit, entry }]);
    return true;
  }

  async function cancel(id: string, now: number, audit: AuditEntry[]) {
    for (;;) {
      const ended = { status: 'cancelled', finishedAt: now, wakeAt: null } as const;
      if (await change({ _id: id, status: { $in: waiting } }, ended, audit)) return 'cancelled';
      if (await change({ _id: id, status: 'running' }, { cancelRequested: true }, audit)) return 'requested';
      const now_ = await tasks.findOne({ _id: id }, { projection: { status: 1 } });
      if (now_ === null) return 'missing';
      // It ran when the first was tried, and waits again by now.
      if (now_.status !== 'running' && !(waiting as string[]).includes(now_.status)) return 'finished';
    }
  }

  async function requeue(id: string, now: number, audit: AuditEntry[]): Promise<boolean> {
    const dead = await tasks.findOne({ _id: id, status: 'failed' }, { projection: { maxAttempts: 1 } });
    if (dead === null) return false;
    const fresh = {
      status: 'pending',
      attempts: 0,
      attemptsLeft: dead.maxAttempts,
      runAt: now,
      wakeAt: now,
      finishedAt: null,
      cancelRequested: false,
      error: null,
    };
    return change({ _id: id, status: 'failed' }, fresh, audit);
  }

  async function due(queue: QueueName, now: number, limit: number): Promise<DueTask[]> {
    const records = await tasks
      .find({ queue, wakeAt: { $lte: now }, attemptsLeft: { $gt: 0 } })
      .sort({ priority: 1, wakeAt: 1 })
      .limit(limit)
      .project<Pick<TaskRecord, '_id' | 'attempts' | 'priority'>>({ attempts: 1, priority: 1 })
      .toArray();
    return records.map(({ _id, attempts, priority }) => ({ id: _id, attempts, queue, priority }));
  }

  async function nextDue(now: number): Promise<number | undefined> {
    const next = await Promise.all(
      queueNames.map((queue) =>
        tasks.findOne({ queue, wakeAt: { $gt: now } }, { sort: { wakeAt: 1 }, projection: { wakeAt: 1 } }),
      ),
    );
    const times = next.flatMap((record) => (record === null ? [] : [record.wakeAt!]));
    return times.length ? Math.min(...times) : undefined;
  }

  async function exhausted(now: number, limit: number): Promise<Task[]> {
    const found = await Promise.all(
      queueNames.map((queue) =>
        tasks
          .find({ queue, wakeAt: { $lte: now }, attemptsLeft: 0, status: 'running' }, { projection })
          .limit(limit)
          .toArray(),
      ),
    );
    return asTasks(found.flat().slice(0, limit));
  }

  async function list(query: { status?: TaskStatus; queue?: QueueName; after?: string; limit: number }) {
    const filter: Filter<TaskRecord> = {};
    if (query.status !== undefined) filter.status = query.status;
    if (query.queue !== undefined) filter.queue = query.queue;
    if (query.after !== undefined) filter._id = { $lt: query.after };
    const found = await tasks
      .find(filter, { projection })
      .sort({ _id: -1 })
      .limit(query.limit + 1)
      .toArray();
    const items = asTasks(found.slice(0, query.limit));
    return { items, next: found.length > items.length ? items.at(-1)?.id : undefined };
  }

  async function depths(now: number): Promise<QueueDepth[]> {
    return Promise.all(
      queueNames.map(async (queue) => {
        const count = (status: TaskStatus) => tasks.countDocuments({ queue, status });
        const [pending, retrying, running, failed, oldest] = await Promise.all([
          count('pending'),
          count('retrying'),
          count('running'),
          count('failed'),
          tasks.findOne(
            { queue, status: { $in: waiting }, wakeAt: { $lte: now } },
            { sort: { wakeAt: 1 }, projection: { wakeAt: 1 } },
          ),
        ]);
        return { queue, pending, retrying, running, failed, oldestDueAt: oldest?.wakeAt ?? undefined };
      }),
    );
  }

  async function deadLetters(prefix: string): Promise<string[]> {
    const dead = { _id: beginsWith(prefix), status: 'failed' };
    const found = await tasks.find(dead).sort({ _id: 1 }).project<{ _id: string }>({ _id: 1 }).toArray();
    return found.map(({ _id }) => _id);
  }

  async function alive(prefix: string): Promise<boolean> {
    const live: TaskStatus[] = [...waiting, 'running'];
    return (
      (await tasks.findOne({ _id: beginsWith(prefix), status: { $in: live } }, { projection: { _id: 1 } })) !== null
    );
  }

  async function prune(before: number, limit: number): Promise<number> {
    const gone: Filter<TaskRecord> = { status: { $in: ['succeeded', 'cancelled'] }, finishedAt: { $lt: before } };
    const found = await tasks.find(gone).limit(limit).project<{ _id: string }>({ _id: 1 }).toArray();
    const { deletedCount } = await tasks.deleteMany({ ...gone, _id: { $in: found.map(({ _id }) => _id) } });
    return deletedCount;
  }

  const read = <T>(work: Promise<T>) => answered('The store cannot read.', work);
  const write = <T>(work: Promise<T>) => answered('The store cannot write.', work);
  return {
    get: async (id) => {
      const record = await read(tasks.findOne({ _id: id }, { projection }));
      return record ? taskOf(record) : undefined;
    },
    claim: (id, lease, now) => write(claim(id, lease, now)),
    extend: (held, until) => write(extend(held, until)),
    due: (queue, now, limit) => read(due(queue, now, limit)),
    nextDue: (now) => read(nextDue(now)),
    exhausted: (now, limit) => read(exhausted(now, limit)),
    voidLeases: async (now) => {
      const running: Filter<TaskRecord> = { status: 'running', wakeAt: { $gt: now } };
      return (await write(tasks.updateMany(running, { $set: { wakeAt: now } }))).modifiedCount;
    },
    bringForward: async (beyond, now) => {
      const late: Filter<TaskRecord> = {
        queue: { $in: [...queueNames] },
        status: { $in: waiting },
        wakeAt: { $gt: beyond },
      };
      return (await write(tasks.updateMany(late, { $set: { runAt: now, wakeAt: now } }))).modifiedCount;
    },
    cancel: (id, now, audit) => write(cancel(id, now, audit)),
    requeue: (id, now, audit) => write(requeue(id, now, audit)),
    drop: (id, now, audit) =>
      write(change({ _id: id, status: 'failed' }, { status: 'cancelled', finishedAt: now }, audit)),
    steps: async (root) =>
      asTasks(await read(tasks.find({ root }, { projection }).sort({ createdAt: 1, _id: 1 }).toArray())),
    deadLetters: (prefix) => read(deadLetters(prefix)),
    alive: (prefix) => read(alive(prefix)),
    list: (query) => read(list(query)),
    depths: (now) => read(depths(now)),
    prune: (before, limit) => write(prune(before, limit)),
  };
}
