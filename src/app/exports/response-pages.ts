import { ahead } from '#domain/ahead.ts';
import type { KeptResponse } from '#domain/response.ts';
import type { Storage } from '#ports/storage.ts';
import { pages } from '../every.ts';

/** Of one form, by the time of submission, epoch ms: `from` taken in, `to` left out. */
type Wish = { formId: string; from?: number | undefined; to: number; pageSize: number };

/** Responses, oldest first. The store fetches the next page while the one before is worked on. */
export async function* responsePages(
  storage: Pick<Storage, 'list'>,
  { formId, from, to, pageSize }: Wish,
): AsyncGenerator<KeptResponse[]> {
  const read = (after: string | undefined) =>
    storage.list('response', { where: { formId }, from, to, limit: pageSize, after });
  for await (const { items } of ahead(pages(read))) yield items.map(({ doc }) => doc);
}
