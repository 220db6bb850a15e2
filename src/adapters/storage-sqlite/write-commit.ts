import type { Receipt } from '#domain/receipt.ts';
import type { Kind } from '#ports/storage.ts';
import type { ChainWriter } from './chain-writer.ts';
import type { ChangeNumbers } from './change-numbers.ts';
import type { Statements } from './connection.ts';
import type { AuditRow, ChangeOp, CommitOp, CommitResult } from './protocol.ts';
import { columnNames, type SqlValue, tables, taskColumns } from './tables.ts';
import { dropSql } from './write-tasks.ts';

/**
 * One commit inside the batch's transaction. The change comes first and is the check: when it writes nothing, nothing else is written,
 * so a refused commit needs no savepoint.
 */
export function createCommitWriter(sql: Statements, chain: ChainWriter, numbers: ChangeNumbers) {
  const insertSql = new Map<Kind, string>();
  const followSql = new Map<Kind, string>();
  const updateSql = new Map<Kind, string>();
  for (const kind of Object.keys(tables) as Kind[]) {
    const columns =
      kind === 'response' ? [...columnNames(kind), 'chain', 'seq', 'sha256', 'previous', 'changed'] : columnNames(kind);
    const into = `INSERT INTO ${tables[kind].name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
    insertSql.set(kind, `${into} ON CONFLICT DO NOTHING`);
    followSql.set(kind, `${into} ON CONFLICT (id) DO NOTHING`);
    const set = columnNames(kind).filter((column) => column !== 'id' && column !== 'at');
    // A key that was forgotten stays so, also when the document that comes was read before.
    const value = (column: string) =>
      kind === 'response' && column === 'key' ? 'CASE WHEN key IS NULL THEN NULL ELSE ? END' : '?';
    const assignments = set.map((column) => `${column} = ${value(column)}`);
    if (kind === 'response') assignments.push('changed = ?');
    updateSql.set(
      kind,
      `UPDATE OR IGNORE ${tables[kind].name} SET ${assignments.join(', ')} WHERE id = ? AND revision = ?`,
    );
  }
  const taskSql = `INSERT INTO tasks (${taskColumns.join(', ')}) VALUES (${taskColumns.map(() => '?').join(', ')}) ON CONFLICT (id) DO NOTHING`;

  function commit(op: CommitOp): CommitResult {
    if (op.cause && !holds(op.cause.taskId, op.cause.lease)) return { outcome: 'lease-lost' };
    const result = change(op.change);
    if (result.outcome !== 'committed') return result;
    for (const { kind, row } of op.also) sql.run(followSql.get(kind)!, ...row);
    for (const task of op.tasks) sql.run(taskSql, ...task);
    for (const id of op.drop?.ids ?? []) sql.run(dropSql, op.drop!.now, id);
    for (const entry of op.audit) audit(entry);
    return result;
  }

  function change(op: ChangeOp): CommitResult {
    switch (op.op) {
      case 'none':
        return { outcome: 'committed', revision: 0 };
      case 'insert':
        return insert(op.kind, op.row, op.payloadSha256);
      case 'update':
        return update(op.kind, op.id, op.row, op.expect);
      case 'remove': {
        if (op.kind === 'response') return removeResponse(op.id, op.expect);
        const gone = sql.run(`DELETE FROM ${tables[op.kind].name} WHERE id = ? AND revision = ?`, op.id, op.expect);
        return gone === 1 ? { outcome: 'committed', revision: 0 } : { outcome: 'conflict' };
      }
      case 'settle':
        return settle(op);
    }
  }

  function insert(kind: Kind, row: SqlValue[], payloadSha256: string | undefined): CommitResult {
    let receipt: Receipt | undefined;
    let values = row;
    if (kind === 'response') {
      const taken = holderOf(kind, row);
      if (taken !== undefined) return { outcome: 'exists', id: taken };
      receipt = chain.next(row[0] as string, payloadSha256!, row[2] as number);
      values = [...row, receipt.chain, receipt.seq, receipt.sha256, receipt.previous, numbers.next()];
    }
    if (sql.run(insertSql.get(kind)!, ...values) === 1) {
      if (receipt) {
        chain.advance(receipt);
        numbers.advance();
      }
      return { outcome: 'committed', revision: 1, receipt };
    }
    return { outcome: 'exists', id: holderOf(kind, row) ?? (row[0] as string) };
  }

  /** The id of the document that holds this id or unique key already. */
  function holderOf(kind: Kind, row: SqlValue[]): string | undefined {
    const table = tables[kind].name;
    const key = 'key' in tables[kind].columns ? row[3]! : null;
    const found =
      key === null
        ? sql.get(`SELECT id FROM ${table} WHERE id = ?`, row[0]!)
        : sql.get(
            `SELECT id FROM ${table} WHERE key = ? UNION ALL SELECT id FROM ${table} WHERE id = ? LIMIT 1`,
            key,
            row[0]!,
          );
    return found?.id as string | undefined;
  }

  function update(kind: Kind, id: string, row: SqlValue[], expect: number): CommitResult {
    // row: id, revision, at, columns…, doc; id and at never change.
    const number = kind === 'response' ? [numbers.next()] : [];
    const done = sql.run(updateSql.get(kind)!, row[1]!, ...row.slice(3), ...number, id, expect);
    if (done === 1) {
      if (kind === 'response') numbers.advance();
      return { outcome: 'committed', revision: row[1] as number };
    }
    const now = sql.get(`SELECT revision FROM ${tables[kind].name} WHERE id = ?`, id);
    if (now?.revision !== expect) return { outcome: 'conflict' };
    return { outcome: 'exists', id: holderOf(kind, row) ?? id };
  }

  /** Stays in the change feed, as removed. */
  function removeResponse(id: string, expect: number): CommitResult {
    const noted = sql.run(
      'INSERT INTO removals (number, id, form_id, day) SELECT ?, id, form_id, day FROM responses WHERE id = ? AND revision = ?',
      numbers.next(),
      id,
      expect,
    );
    if (noted === 0) return { outcome: 'conflict' };
    sql.run('DELETE FROM responses WHERE id = ?', id);
    numbers.advance();
    return { outcome: 'committed', revision: 0 };
  }

  function settle(op: Extract<ChangeOp, { op: 'settle' }>): CommitResult {
    const finished = op.status === 'retrying' ? null : op.now;
    const done = sql.run(
      `UPDATE tasks SET status = ?, run_at = coalesce(?, run_at), attempts = attempts - ?, result = coalesce(?, result), error = ?,
         progress = CASE WHEN ? = 'succeeded' THEN 1 ELSE progress END, lease_token = NULL, lease_until = NULL, finished_at = ?
       WHERE id = ? AND lease_token = ? AND status = 'running'`,
      op.status,
      op.runAt,
      op.giveBack ? 1 : 0,
      op.result,
      op.error,
      op.status,
      finished,
      op.id,
      op.lease,
    );
    return done === 1 ? { outcome: 'committed', revision: 0 } : { outcome: 'lease-lost' };
  }

  function holds(taskId: string, lease: string): boolean {
    return (
      sql.get(`SELECT 1 AS held FROM tasks WHERE id = ? AND lease_token = ? AND status = 'running'`, taskId, lease) !==
      undefined
    );
  }

  function audit(entry: AuditRow): void {
    sql.run(
      'INSERT INTO audit (id, at, action, doc) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
      entry.id,
      entry.at,
      entry.action,
      entry.doc,
    );
  }

  return { commit, audit };
}
