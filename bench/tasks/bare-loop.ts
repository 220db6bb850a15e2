import { systemClock } from '../../src/adapters/clock-system/clock.ts';
import { createIds } from '../../src/adapters/ids-uuid/ids.ts';
import { openWriter, statements } from '../../src/adapters/storage-sqlite/connection.ts';
import { migrate } from '../../src/adapters/storage-sqlite/migrations.ts';
import { taskColumns, taskRow } from '../../src/adapters/storage-sqlite/tables.ts';
import type { Side } from './side.ts';
import { nextTask } from './side.ts';

const insertSql = `INSERT INTO tasks (${taskColumns.join(', ')}) VALUES (${taskColumns.map(() => '?').join(', ')})`;
const claimSql = `UPDATE tasks SET status = 'running', attempts = attempts + 1, lease_token = ?, lease_until = ?, started_at = ? WHERE id = ? AND status = 'pending'`;
const settleSql = `UPDATE tasks SET status = 'succeeded', progress = 1, lease_token = NULL, lease_until = NULL, finished_at = ?
  WHERE id = ? AND lease_token = ? AND status = 'running'`;

/** The floor: the three writes of each task, nothing else; no thread, no promise, no read, no check of what they changed. */
export async function openBareLoop(file: string, concurrency: number): Promise<Side> {
  const db = openWriter(file, 'full');
  migrate(db);
  const sql = statements(db);
  const ids = createIds({ clock: systemClock });

  function transaction(writes: () => void): void {
    db.exec('BEGIN IMMEDIATE');
    writes();
    db.exec('COMMIT');
  }

  return {
    async run(count) {
      for (let done = 0; done < count; done += concurrency) {
        const batch = Array.from({ length: Math.min(concurrency, count - done) }, () => ({
          task: nextTask(ids),
          token: ids.next('lse'),
        }));
        transaction(() => {
          for (const { task } of batch) sql.run(insertSql, ...taskRow(task));
        });
        const now = Date.now();
        transaction(() => {
          for (const { task, token } of batch) sql.run(claimSql, token, now + 8000, now, task.id);
        });
        transaction(() => {
          for (const { task, token } of batch) sql.run(settleSql, Date.now(), task.id, token);
        });
      }
    },
    async succeeded() {
      return Number(sql.get(`SELECT count(*) AS n FROM tasks WHERE status = 'succeeded' AND attempts = 1`)!.n);
    },
    async close() {
      db.close();
    },
  };
}
