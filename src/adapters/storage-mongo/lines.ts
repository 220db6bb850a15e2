import { ahead } from '#domain/ahead.ts';
import { responseLine } from '#domain/response-lines.ts';
import { createUtf8 } from '#domain/utf8.ts';
import type { LinePage, LinesQuery } from '#ports/storage.ts';
import { type ResponseRecord, unopened } from './collections.ts';
import type { DocumentReads } from './read-documents.ts';

/** Responses read at once: 200 kB of them where each has 1 kB. */
const pageSize = 200;

/** Lines of an export, made on this thread: the driver has taken the records apart on it too. The next page is read while the one before is compressed. */
export const readLines = (list: DocumentReads['listRecords'], query: LinesQuery): AsyncGenerator<LinePage> =>
  ahead(linePages(list, query));

async function* linePages(
  list: DocumentReads['listRecords'],
  { formId, from, to, cover }: LinesQuery,
): AsyncGenerator<LinePage, void> {
  let after: string | undefined;
  do {
    const { records, next } = await list('response', { where: { formId }, from, to, limit: pageSize, after });
    if (records.length === 0) return;
    const lines = createUtf8(1.5 * 1024 * records.length);
    for (const record of records) {
      const { response, answers } = unopened(record as ResponseRecord);
      lines.add(responseLine(response, answers, cover));
    }
    yield { bytes: lines.bytes(), count: records.length, first: records[0]!.at, last: records.at(-1)!.at };
    after = next;
  } while (after !== undefined);
}
