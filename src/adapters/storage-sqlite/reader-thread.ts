import { parentPort, workerData } from 'node:worker_threads';
import { openingProblem, openReader, statements } from './connection.ts';
import { createLinePages } from './line-page.ts';
import { checkSchema } from './migrations.ts';
import type { ReadAnswer, ReaderAnswer, ReaderMessage, ReadOp } from './protocol.ts';

/* The reading thread: one read-only connection. Reads never wait for the writer, and a long one never delays a commit. */
const port = parentPort!;
const { file } = workerData as { file: string };
const answer = (message: ReaderAnswer, given: ArrayBuffer[] = []) => port.postMessage(message, given);

try {
  const db = openReader(file);
  checkSchema(db);
  const sql = statements(db);
  const linePage = createLinePages(db);
  const answerTo = (id: number, read: ReadOp): ReadAnswer => {
    try {
      return 'lines' in read ? { id, lines: linePage(read.lines) } : { id, table: sql.table(read.sql, ...read.params) };
    } catch (err) {
      return { id, error: (err as Error).message };
    }
  };
  port.on('message', (message: ReaderMessage) => {
    if ('close' in message) {
      db.close();
      port.close();
      return;
    }
    // Reads asked for in one turn of the event loop see one state of the store: counts of one answer fit together.
    db.exec('BEGIN');
    const answers = message.reads.map(({ id, read }) => answerTo(id, read));
    db.exec('COMMIT');
    // Bytes of lines are handed over, not copied.
    answer(
      { answers },
      answers.flatMap((one) => ('lines' in one && one.lines.page ? [one.lines.page.bytes.buffer] : [])),
    );
  });
  answer({ ready: true });
} catch (err) {
  answer({ failed: openingProblem(file, err) });
  port.close();
}
