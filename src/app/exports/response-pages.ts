import type { KeptResponse } from '#domain/response.ts';
import type { Page, Storage } from '#ports/storage.ts';

/** Of one form, by the time of submission, epoch ms: `from` taken in, `to` left out. */
type Wish = { formId: string; from: number | undefined; to: number; pageSize: number };

/** Responses, oldest first. The store fetches the next page while the one before is worked on. */
export async function* responsePages(
  storage: Pick<Storage, 'list'>,
  { formId, from, to, pageSize }: Wish,
): AsyncGenerator<KeptResponse[]> {
  const read = (after?: string): Promise<Page<'response'>> =>
    storage.list('response', { where: { formId }, from, to, limit: pageSize, after });
  let reading: Promise<Page<'response'>> | undefined = read();
  while (reading !== undefined) {
    const { items, next }: Page<'response'> = await reading;
    reading = next === undefined ? undefined : read(next);
    // Told when it is waited for; whoever stops before does not ask.
    reading?.catch(() => {});
    yield items.map(({ doc }) => doc);
  }
}
