import type { Kind, Page, Storage } from '#ports/storage.ts';

/** Every document of a kind, oldest first, read a page at a time. Errors: those of the store. */
export async function* every<K extends Kind>(
  storage: Pick<Storage, 'list'>,
  kind: K,
): AsyncGenerator<Page<K>['items'][number]['doc']> {
  let after: string | undefined;
  do {
    const page = await storage.list(kind, { limit: 100, after });
    for (const { doc } of page.items) yield doc;
    after = page.next;
  } while (after !== undefined);
}
