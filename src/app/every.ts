import type { Kind, Page, Query, Storage } from '#ports/storage.ts';

/** Page after page as `read` gives them: `after` is the `next` of the one before. Errors: those of `read`. */
export async function* pages<P extends { next: string | undefined }>(
  read: (after: string | undefined) => Promise<P>,
): AsyncGenerator<P, void> {
  let after: string | undefined;
  do {
    const page = await read(after);
    yield page;
    after = page.next;
  } while (after !== undefined);
}

/** Every document of a kind that the query asks for, read a page at a time: oldest first unless it says otherwise. Errors: those of the store. */
export async function* every<K extends Kind>(
  storage: Pick<Storage, 'list'>,
  kind: K,
  query: Omit<Query<K>, 'after' | 'limit'> & { limit?: number } = {},
): AsyncGenerator<Page<K>['items'][number]['doc'], void> {
  const found = pages((after) => storage.list(kind, { limit: 100, ...query, after } as Query<K>));
  for await (const { items } of found) for (const { doc } of items) yield doc;
}
