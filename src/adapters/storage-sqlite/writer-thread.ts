import { performance } from 'node:perf_hooks';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createChainWriter } from './chain-writer.ts';
import { createChangeNumbers } from './change-numbers.ts';
import { openingProblem, openWriter, type Synchronous, statements } from './connection.ts';
import { migrate } from './migrations.ts';
import { packCommitted, unpack } from './packing.ts';
import type { WriteOp, WriteResult, WriterAnswer, WriterMessage } from './protocol.ts';
import { createCommitWriter } from './write-commit.ts';
import { createTaskWriter } from './write-tasks.ts';

/*
 * The storage thread: the only writer of the file. Everything that has come in from the main thread during the last transaction becomes the next one, with
 * one fsync (group commit), and is answered after that.
 */
const port = parentPort!;
const { file, synchronous } = workerData as { file: string; synchronous: Synchronous };
const answer = (message: WriterAnswer) => port.postMessage(message);

try {
  const db = openWriter(file, synchronous);
  migrate(db);
  const sql = statements(db);
  const chain = createChainWriter(sql);
  const numbers = createChangeNumbers(sql);
  const commits = createCommitWriter(sql, chain, numbers);
  const tasks = createTaskWriter(sql, commits.audit);

  const perform = (op: WriteOp): unknown => {
    switch (op.op) {
      case 'commit':
        return packCommitted(commits.commit(op));
      case 'claim':
        return tasks.claim(op);
      case 'extend':
        return tasks.extend(op);
      case 'void-leases':
        return tasks.voidLeases(op);
      case 'bring-forward':
        return tasks.bringForward(op);
      case 'cancel':
        return tasks.cancel(op);
      case 'requeue':
        return tasks.requeue(op);
      case 'drop':
        return tasks.drop(op);
      case 'prune':
        return sql.run(
          `DELETE FROM ${op.table} WHERE id IN (SELECT id FROM ${op.table} WHERE ${op.where} LIMIT ${op.limit})`,
          ...op.values,
        );
      case 'forget-keys':
        return sql.run(
          'UPDATE responses SET key = NULL WHERE n IN (SELECT n FROM responses WHERE key IS NOT NULL AND at < ? LIMIT ?)',
          op.before,
          op.limit,
        );
      case 'sign':
        return sql.run('UPDATE chains SET signed = ? WHERE id = ?', op.signed, op.chain);
      case 'seal':
        return seal(op.seals);
      case 'ping':
        return sql.run(
          `INSERT INTO pings (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at`,
          op.now,
        );
    }
  };

  const seal = (seals: Extract<WriteOp, { op: 'seal' }>['seals']): boolean => {
    const last = Number(sql.get('SELECT coalesce(max(seq), 0) AS seq FROM audit')!.seq);
    // All or none: an entry that another sealer numbered in the meantime would leave a hole in this one's numbers.
    const free = ({ id }: { id: string }) =>
      sql.get('SELECT 1 FROM audit WHERE id = ? AND seq IS NULL', id) !== undefined;
    if (!seals.every((s, i) => s.seq === last + 1 + i && free(s))) return false;
    for (const s of seals) {
      sql.run('UPDATE audit SET seq = ?, sha256 = ?, previous = ? WHERE id = ?', s.seq, s.sha256, s.previous, s.id);
    }
    return true;
  };

  const inTransaction = (ops: WriteOp[]): WriteResult[] => {
    db.exec('BEGIN IMMEDIATE');
    try {
      const results = ops.map((op) => ({ value: perform(op) }));
      numbers.keep();
      db.exec('COMMIT');
      chain.committed();
      numbers.committed();
      return results;
    } catch (err) {
      chain.failed();
      numbers.failed();
      if (db.isTransaction) db.exec('ROLLBACK');
      throw err;
    }
  };

  /** A batch that fails is taken apart, so that one bad operation cannot sink its neighbours. */
  const write = (batch: WriteOp[]): WriteResult[] => {
    try {
      return inTransaction(batch);
    } catch (err) {
      if (batch.length === 1) return [{ error: (err as Error).message }];
      return batch.flatMap((op) => write([op]));
    }
  };

  /** What the first message asks for, and what came in while the last transaction was written. */
  const taken = (first: WriterMessage): { ops: WriteOp[]; close: boolean } => {
    const ops: WriteOp[] = [];
    for (let message: WriterMessage | undefined = first; message; message = receiveMessageOnPort(port)?.message) {
      if ('close' in message) return { ops, close: true };
      for (const op of message.batch) ops.push(unpack(op));
    }
    return { ops, close: false };
  };

  port.on('message', (message: WriterMessage) => {
    const { ops, close } = taken(message);
    if (ops.length > 0) {
      const from = performance.now();
      const results = write(ops);
      answer({ ...listed(results), commitMs: performance.now() - from, head: chain.head(), newest: numbers.newest() });
    }
    if (!close) return;
    db.close();
    answer({ closed: true });
    port.close();
  });
  answer({ ready: true, newest: numbers.newest() });
} catch (err) {
  answer({ failed: openingProblem(file, err) });
  port.close();
}

function listed(results: WriteResult[]): { values: unknown[]; errors?: Map<number, string> } {
  const values: unknown[] = [];
  let errors: Map<number, string> | undefined;
  results.forEach((result, i) => {
    values.push('value' in result ? result.value : undefined);
    if ('error' in result) {
      errors ??= new Map();
      errors.set(i, result.error);
    }
  });
  return errors ? { values, errors } : { values };
}
