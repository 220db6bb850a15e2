import type { Cell, RowPlan } from '#domain/export-rows.ts';
import { withoutWithheld } from '#domain/form/withheld.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { FeedItem, FeedPage } from '#ports/change-feed.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Storage } from '#ports/storage.ts';

type Deps = {
  storage: Pick<Storage, 'changes'>;
  blobs: Pick<BlobStore, 'write' | 'stream' | 'remove' | 'list' | 'pathOf'>;
  clock: Clock;
  ids: Pick<Ids, 'next'>;
};

/** Of one form: what its rows are made with, and how far the exported files go. */
type Wish = { formId: string; plan: RowPlan; withheld: ReadonlySet<string>; completeTo: number };
type Kept = { key: string; to: number; name: string | undefined; changes: number; at: number };

const area = 'fresh';
const pageSize = 1000;
/** A query that was given a file reads it within a minute. */
const readMs = 120_000;
/** Files of other processes are theirs, until they are so old that whoever made them is gone or has made others. */
const mostAgeMs = 12 * 3_600_000;

/**
 * What the exported files of a form do not hold yet, as a file of JSON lines: one row for each change since, as the query engine takes it. The file grows with the
 * feed: each call reads only what has come since the one before, and writes a new file, so that a query that runs keeps the one it was given.
 */
export function createFreshRows({ storage, blobs, clock, ids }: Deps) {
  const forms = new Map<string, { kept: Kept; running: Promise<Kept> | undefined }>();
  const outdated: { name: string; at: number }[] = [];
  let swept: Promise<void> | undefined;

  /** Changes in (`completeTo`, `to`]; `path` is undefined where there are none. Errors: those of the store and the disk. */
  async function upTo(wish: Wish, to: number): Promise<{ path: string | undefined; changes: number }> {
    swept ??= sweep();
    await swept;
    const key = sha256Hex(JSON.stringify([wish.completeTo, wish.plan.columns, [...wish.withheld]]));
    const entry = forms.get(wish.formId) ?? {
      kept: { key, to: -1, name: undefined, changes: 0, at: 0 },
      running: undefined,
    };
    forms.set(wish.formId, entry);
    // One after the other: each goes on where the one before has come to.
    const before = entry.running ?? Promise.resolve(entry.kept);
    entry.running = before
      .catch(() => entry.kept)
      .then((kept) => {
        const usable = kept.key === key && clock.now() - kept.at < mostAgeMs ? kept : undefined;
        if (usable && usable.to >= to) return usable;
        if (!usable) retire(kept);
        return extend(wish, usable, key, to);
      });
    const kept = await entry.running;
    entry.kept = kept;
    return { path: kept.name === undefined ? undefined : blobs.pathOf(kept.name), changes: kept.changes };
  }

  async function extend(wish: Wish, kept: Kept | undefined, key: string, to: number): Promise<Kept> {
    const at = kept?.at ?? clock.now();
    const pages = pagesOf(wish.formId, Math.max(kept?.to ?? 0, wish.completeTo), to);
    const first = await pages.next();
    if (first.done) return { key, to, name: kept?.name, changes: kept?.changes ?? 0, at };
    let changes = kept?.changes ?? 0;
    // A page at a time: what no file holds yet may be all that there is.
    async function* bytes(): AsyncGenerator<Uint8Array> {
      if (kept?.name !== undefined) yield* blobs.stream(kept.name);
      for (let page = first; !page.done; page = await pages.next()) {
        changes += page.value.length;
        yield Buffer.from(page.value.map((item) => lineOf(item, wish)).join(''));
      }
    }
    const name = `${area}/${wish.formId.toLowerCase()}.${ids.next('ans')}.ndjson`;
    // Another process, or this one after a start, makes its own: to wait for the disk took longer than to write it, and held up the commits of responses.
    await blobs.write(name, bytes(), { durable: false });
    if (kept) retire(kept);
    await removeOutdated();
    return { key, to, name, changes, at };
  }

  /** The pages of the feed that hold something. */
  async function* pagesOf(formId: string, from: number, to: number): AsyncGenerator<FeedItem[], undefined> {
    for (let after: number | undefined = from; after !== undefined; ) {
      const found: FeedPage = await storage.changes.list({ formId, after, to, limit: pageSize });
      if (found.items.length > 0) yield found.items;
      after = found.next;
    }
    return undefined;
  }

  /** The file of a form cannot be read: the next call writes it from the beginning. */
  function forget(formId: string): void {
    const entry = forms.get(formId);
    forms.delete(formId);
    if (entry) retire(entry.kept);
  }

  /** A query that was given the file may still be reading it. */
  function retire({ name }: Kept): void {
    if (name !== undefined) outdated.push({ name, at: clock.now() });
  }

  async function removeOutdated(): Promise<void> {
    while (outdated.length > 0 && clock.now() - outdated[0]!.at > readMs) await blobs.remove(outdated.shift()!.name);
  }

  /** What processes of before have left. */
  async function sweep(): Promise<void> {
    for (const { name, at } of await blobs.list(area)) if (clock.now() - at > 2 * mostAgeMs) await blobs.remove(name);
  }

  return { upTo, forget };
}
export type FreshRows = ReturnType<typeof createFreshRows>;

function lineOf(item: FeedItem, { plan, withheld }: Wish): string {
  if ('removed' in item)
    return `${JSON.stringify({ response_id: item.removed.id, _removed: true, _changed: item.number })}\n`;
  const { cells } = plan.rowOf(withoutWithheld(item.response, withheld));
  const row: Record<string, Cell> = {};
  for (const [i, { name }] of plan.columns.entries()) if (cells[i] !== null) row[name] = cells[i]!;
  return `${JSON.stringify({ ...row, _changed: item.number })}\n`;
}
