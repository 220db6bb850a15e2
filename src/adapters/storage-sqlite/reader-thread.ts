import { parentPort, workerData } from 'node:worker_threads';
import { openingProblem, openReader, statements } from './connection.ts';
import { checkSchema } from './migrations.ts';
import type { ReaderAnswer, ReaderMessage } from './protocol.ts';

/* The reading thread: one read-only connection. Reads never wait for the writer, and a long one never delays a commit. */
const port = parentPort!;
const { file } = workerData as { file: string };
const answer = (message: ReaderAnswer) => port.postMessage(message);

try {
  const db = openReader(file);
  checkSchema(db);
  const sql = statements(db);
  port.on('message', (message: ReaderMessage) => {
    if ('close' in message) {
      db.close();
      port.close();
      return;
    }
    // Reads asked for in one turn of the event loop see one state of the store: counts of one answer fit together.
    db.exec('BEGIN');
    const answers = message.reads.map(({ id, read }) => {
      try {
        return { id, table: sql.table(read.sql, ...read.params) };
      } catch (err) {
        return { id, error: (err as Error).message };
      }
    });
    db.exec('COMMIT');
    answer({ answers });
  });
  answer({ ready: true });
} catch (err) {
  answer({ failed: openingProblem(file, err) });
  port.close();
}
