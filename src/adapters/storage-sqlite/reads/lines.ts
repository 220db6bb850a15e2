import { ahead } from '#domain/ahead.ts';
import type { LinePage, LinesQuery } from '#ports/storage.ts';
import type { LineAnswer } from '../protocol.ts';
import type { Reader } from '../threads.ts';

/**
 * Lines of exports, made by the thread that reads them: of the 12 µs that a response takes the thread that answers people has none. The next page is made while the one
 * before is compressed; between two pages other reads have their turn.
 */
export const createLineReads = (reader: Pick<Reader, 'lines'>) => (query: LinesQuery) => ahead(pagesOf(reader, query));

async function* pagesOf(reader: Pick<Reader, 'lines'>, query: LinesQuery): AsyncGenerator<LinePage, void> {
  let after: LineAnswer['next'];
  do {
    const { page, next } = await reader.lines({ ...query, after });
    if (page) yield page;
    after = next;
  } while (after);
}
