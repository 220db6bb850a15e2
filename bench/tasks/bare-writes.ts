import { openWriter, statements } from '../../src/adapters/storage-sqlite/connection.ts';
import { migrate } from '../../src/adapters/storage-sqlite/migrations.ts';
import { type SqlValue, taskColumns } from '../../src/adapters/storage-sqlite/tables.ts';

const insertSql = `INSERT INTO tasks (${taskColumns.join(', ')}) VALUES (${taskColumns.map(() => '?').join(', ')})`;
const claimSql = `UPDATE tasks SET status = 'running', attempts = attempts + 1, lease_token = ?, lease_until = ?, started_at = ? WHERE id = ? AND status = 'pending'`;
const settleSql = `UPDATE tasks SET status = 'succeeded', progress = 1, lease_token = NULL, lease_until = NULL, finished_at = ?
  WHERE id = ? AND lease_token = ? AND status = 'running'`;

/** Values in the order of the statement's parameters. */
export type BareStep = { sql: 'insert' | 'claim' | 'settle'; rows: SqlValue[][] };

const sqlOf = { insert: insertSql, claim: claimSql, settle: settleSql };

/** The three writes of a task, nothing else: no read, no check of what they changed. Each step is one transaction that is on disk when the call returns. */
export function openBareWrites(file: string) {
  const db = openWriter(file, 'full');
  migrate(db);
  const sql = statements(db);
  return {
    write({ sql: step, rows }: BareStep): void {
      const text = sqlOf[step];
      db.exec('BEGIN IMMEDIATE');
      for (const row of rows) sql.run(text, ...row);
      db.exec('COMMIT');
    },
    succeeded: () => Number(sql.get(`SELECT count(*) AS n FROM tasks WHERE status = 'succeeded' AND attempts = 1`)!.n),
    close: () => db.close(),
  };
}
