import type { QueueName, Task, TaskStatus } from '#domain/task.ts';
import { priorities, queueNames } from '#domain/task.ts';
import type { DueTask, QueueDepth } from '#ports/storage.ts';
import { type SqlValue, taskOfRow } from '../tables.ts';
import type { Reader } from '../threads.ts';

const waiting = `status IN ('pending', 'retrying')`;

export function createTaskReads(reader: Reader) {
  const get = async (id: string): Promise<Task | undefined> => {
    const row = await reader.get('SELECT * FROM tasks WHERE id = ?', id);
    return row && taskOfRow(row);
  };

  /** One short index walk a priority: a single ORDER BY would read past every task that is not due yet. */
  async function due(queue: QueueName, now: number, limit: number): Promise<DueTask[]> {
    const columns = 'id, attempts, queue, priority, run_at';
    const found = await Promise.all([
      ...priorities.map((priority) =>
        reader.all(
          `SELECT ${columns} FROM tasks WHERE ${waiting} AND queue = ? AND priority = ? AND run_at <= ? ORDER BY run_at LIMIT ?`,
          queue,
          priority,
          now,
          limit,
        ),
      ),
      reader.all(
        `SELECT ${columns} FROM tasks WHERE status = 'running' AND queue = ? AND lease_until <= ? AND attempts < max_attempts ORDER BY lease_until LIMIT ?`,
        queue,
        now,
        limit,
      ),
    ]);
    // The last of these, whose workers fell silent, take their place among the waiting: a steady backlog must not keep them back.
    const rows = found.flat() as unknown as (DueTask & { run_at: number })[];
    rows.sort((a, b) => a.priority - b.priority || a.run_at - b.run_at);
    return rows.slice(0, limit).map(({ run_at, ...task }) => task);
  }

  async function nextDue(now: number): Promise<number | undefined> {
    const sql = `SELECT run_at FROM tasks WHERE ${waiting} AND queue = ? AND priority = ? AND run_at > ? ORDER BY run_at LIMIT 1`;
    const leases = `SELECT lease_until AS run_at FROM tasks WHERE status = 'running' AND queue = ? AND lease_until > ? ORDER BY lease_until LIMIT 1`;
    const rows = await Promise.all(
      queueNames.flatMap((queue) => [
        ...priorities.map((priority) => reader.get(sql, queue, priority, now)),
        reader.get(leases, queue, now),
      ]),
    );
    const times = rows.flatMap((row) => (row ? [row.run_at as number] : []));
    return times.length ? Math.min(...times) : undefined;
  }

  async function exhausted(now: number, limit: number): Promise<Task[]> {
    const sql = `SELECT * FROM tasks WHERE status = 'running' AND queue = ? AND lease_until <= ? AND attempts >= max_attempts LIMIT ?`;
    const rows = await Promise.all(queueNames.map((queue) => reader.all(sql, queue, now, limit)));
    return rows.flat().slice(0, limit).map(taskOfRow);
  }

  async function list(query: { status?: TaskStatus; queue?: QueueName; after?: string; limit: number }) {
    const conditions: string[] = [];
    const values: SqlValue[] = [];
    for (const [column, value] of [
      ['status', query.status],
      ['queue', query.queue],
    ] as const) {
      if (value === undefined) continue;
      conditions.push(`${column} = ?`);
      values.push(value);
    }
    if (query.after !== undefined) {
      conditions.push('id < ?');
      values.push(query.after);
    }
    const rows = await reader.all(
      `SELECT * FROM tasks ${conditions.length ? `WHERE ${conditions.join(' AND ')}` : ''} ORDER BY id DESC LIMIT ?`,
      ...values,
      query.limit + 1,
    );
    const items = rows.slice(0, query.limit).map(taskOfRow);
    return { items, next: rows.length > items.length ? items.at(-1)?.id : undefined };
  }

  async function depths(now: number): Promise<QueueDepth[]> {
    return Promise.all(
      queueNames.map(async (queue) => {
        const [counts, running, failed, ...oldest] = await Promise.all([
          reader.all(`SELECT status, count(*) AS n FROM tasks WHERE ${waiting} AND queue = ? GROUP BY status`, queue),
          reader.get(`SELECT count(*) AS n FROM tasks WHERE status = 'running' AND queue = ?`, queue),
          reader.get(`SELECT count(*) AS n FROM tasks WHERE status = 'failed' AND queue = ?`, queue),
          ...priorities.map((priority) =>
            reader.get(
              `SELECT min(run_at) AS at FROM tasks WHERE ${waiting} AND queue = ? AND priority = ? AND run_at <= ?`,
              queue,
              priority,
              now,
            ),
          ),
        ]);
        const count = (status: string) => Number(counts.find((row) => row.status === status)?.n ?? 0);
        const times = oldest.flatMap((row) => (row?.at == null ? [] : [Number(row.at)]));
        return {
          queue,
          pending: count('pending'),
          retrying: count('retrying'),
          running: Number(running?.n ?? 0),
          failed: Number(failed?.n ?? 0),
          oldestDueAt: times.length ? Math.min(...times) : undefined,
        };
      }),
    );
  }

  const steps = async (root: string): Promise<Task[]> =>
    (await reader.all('SELECT * FROM tasks WHERE root = ? ORDER BY created_at, id', root)).map(taskOfRow);

  const deadLetters = async (prefix: string): Promise<string[]> => {
    const sql = `SELECT id FROM tasks WHERE id >= ? AND id < ? AND status = 'failed' ORDER BY id`;
    return (await reader.all(sql, prefix, `${prefix}\u{10ffff}`)).map((row) => row.id as string);
  };

  const alive = async (prefix: string): Promise<boolean> => {
    const sql = `SELECT 1 AS there FROM tasks WHERE id >= ? AND id < ? AND status IN ('pending', 'retrying', 'running') LIMIT 1`;
    return (await reader.get(sql, prefix, `${prefix}\u{10ffff}`)) !== undefined;
  };

  return { get, due, deadLetters, alive, nextDue, exhausted, list, depths, steps };
}
