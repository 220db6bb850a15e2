import { ahead } from '#domain/ahead.ts';
import { responseLine } from '#domain/response-lines.ts';
import { createUtf8 } from '#domain/utf8.ts';
import type { LinePage, LinesQuery, Storage } from '#ports/storage.ts';

/** Responses read at once: 200 kB of them where each has 1 kB. */
const pageSize = 200;

/** Lines of an export, made on this thread: the driver has taken the documents apart on it too. The next page is read while the one before is compressed. */
export const readLines = (list: Storage['list'], query: LinesQuery): AsyncGenerator<LinePage> =>
  ahead(linePages(list, query));

async function* linePages(
  list: Storage['list'],
  { formId, from, to, cover }: LinesQuery,
): AsyncGenerator<LinePage, void> {
  let after: string | undefined;
  do {
    const { items, next } = await list('response', { where: { formId }, from, to, limit: pageSize, after });
    if (items.length === 0) return;
    const lines = createUtf8(1.5 * 1024 * items.length);
    for (const { doc } of items) lines.add(responseLine(doc, JSON.stringify(doc.answers), cover));
    const [first, last] = [items[0]!.doc.submittedAt, items.at(-1)!.doc.submittedAt];
    yield { bytes: lines.bytes(), count: items.length, first, last };
    after = next;
  } while (after !== undefined);
}
